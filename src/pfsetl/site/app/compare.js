// How a code compares: the histogram of its section with the code marked, and its neighbours.
import {el, svg, chart, chartWidth} from "./dom.js";
import {ordinal, grouped} from "./numbers.js";
import {MEASURES, measureName, measureText, population, standing, sectionsOf, participantWith} from "./population.js";
import {addressOf} from "./address.js";
import {select} from "./controls.js";

const HEIGHT = 170, BOTTOM = 24, TOP = 20, BINS = 36;

export async function compare(view) {
  const {known, release} = view;
  const participant = participantWith(await sectionsOf(release), view.participant, known.section);
  const all = known.section ? await population(release, participant, known.section) : null;
  if (!all) return el("p", {class: "quiet"}, "No section with values holds this code in this release.");
  const usable = Object.keys(MEASURES).filter((measure) => all[measure].length);
  const start = usable.find((measure) => all[measure].some(([code]) => code === known.code)) ?? usable[0];
  const place = el("div");
  const show = (measure) => place.replaceChildren(...compared(view, measure, all[measure]));
  show(start);
  return el("div", {}, el("label", {class: "field"}, el("span", {}, "Measure"), select("measure", usable, (one) => MEASURES[one], start, show)), place);
}

function compared({known, asked}, measure, pairs) {
  const stands = standing(pairs, known.code);
  const text = (value) => measureText(measure, value);
  return [
    el("p", {class: "says"}, compareSentence(known, measure, stands)),
    histogram(stands, text),
    el("p", {class: "quiet"}, `Each code counts once, with its largest value over modifiers, of any status. Codes above the 97th percentile are in the last bar. Highest: ${text(stands.max)} (`, el("a", {href: addressOf({code: stands.highest, date: asked.date})}, stands.highest), ")."),
    stands.value !== null && neighbours(pairs, known.code, text, asked),
  ].filter(Boolean);
}

export function compareSentence(known, measure, {value, n, percentile, median, rank}) {
  const text = (one) => measureText(measure, one);
  const middle = Number.isInteger(median) ? text(median) : text(Math.round(median));
  if (value === null) return `${known.code} has no ${measureName(measure)} above zero; the median of ${grouped(n)} ${known.section} codes is ${middle}.`;
  const ratio = value / median;
  const near = ratio.toFixed(1) === "1.0" || (1 / ratio).toFixed(1) === "1.0";
  const stands = near ? `about the median of ${middle}` : ratio > 1 ? `${ratio.toFixed(1)}× the median of ${middle}` : `${(1 / ratio).toFixed(1)}× below the median of ${middle}`;
  return `${MEASURES[measure]} ${text(value)}: ${ordinal(Math.round(percentile))} percentile of ${grouped(n)} ${known.section} codes, rank ${grouped(rank)}, ${stands}.`;
}

export function histogram({values, value, median}, text) {
  const width = chartWidth();
  const end = values[Math.floor((values.length - 1) * 0.97)] || values.at(-1);
  const size = Math.max(1, Math.ceil(end / BINS));
  const bin = (one) => Math.min(BINS, Math.floor((one - 1) / size));
  const counts = Array.from({length: BINS + 1}, () => 0);
  for (const one of values) counts[bin(one)]++;
  const most = Math.max(...counts);
  const wide = width / (BINS + 1);
  const y = (count) => TOP + (1 - count / most) * (HEIGHT - TOP - BOTTOM);
  const mine = value === null ? -1 : bin(value);
  const middle = Math.min(width - 4, ((median - 0.5) / size) * wide);
  return chart(width, HEIGHT, `Histogram of ${values.length} codes${value === null ? "" : `; this one has ${text(value)}`}, median ${text(Math.round(median))}`,
    counts.map((count, at) => svg("rect", {x: (at * wide + 1).toFixed(1), y: y(count).toFixed(1), width: Math.max(1, wide - 2).toFixed(1), height: (HEIGHT - BOTTOM - y(count)).toFixed(1), class: at === mine ? "work" : "mp"},
      svg("title", {}, at === BINS ? `above ${text(size * BINS)}: ${count}` : `${text(at * size + 1)} to ${text((at + 1) * size)}: ${count}`))),
    svg("line", {x1: middle, x2: middle, y1: TOP - 6, y2: HEIGHT - BOTTOM, class: "mark-line"}),
    svg("text", {x: middle + 5, y: TOP + 4, class: "axis"}, `median ${text(Math.round(median))}`),
    mine >= 0 && svg("path", {d: `M${((mine + 0.5) * wide).toFixed(1)} ${(y(counts[mine]) - 3).toFixed(1)}l-5 -8h10z`, class: "work"}),
    svg("text", {x: 0, y: HEIGHT - 6, class: "axis"}, text(0)),
    svg("text", {x: width, y: HEIGHT - 6, class: "axis end"}, `over ${text(size * BINS)}`));
}

function neighbours(pairs, code, text, asked) {
  const order = [...pairs].sort((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1));
  const at = order.findIndex(([one]) => one === code);
  const near = order.slice(Math.max(0, at - 4), at + 5);
  return el("p", {}, "Nearest: ", near.map(([one, value], index) => [index ? " · " : "", one === code ? el("b", {}, `${one} ${text(value)}`) : [el("a", {href: addressOf({code: one, date: asked.date})}, one), ` ${text(value)}`]]));
}
