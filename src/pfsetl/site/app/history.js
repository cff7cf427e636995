// History: what a code paid and weighed as steps over the years, with gaps where this site has no release.
import {el, svg, chart, chartWidth} from "./dom.js";
import {dollars, rvuText, scaledText} from "./numbers.js";
import {pieces, dayAfter, weight} from "./over-time.js";
import {table} from "./table.js";
import {SETTINGS, reasonText} from "./words.js";

const HEIGHT = 170, LEFT = 66, TOP = 12, BOTTOM = 24;

export async function history(view) {
  const place = el("div");
  const known = el("input", {type: "date", id: "asof", onchange: () => show(known.value)});
  async function show(asOf) {
    const {found, idle} = await pieces(view, asOf);
    place.replaceChildren(...shown(view, found, idle, asOf));
  }
  await show("");
  return el("div", {}, place, el("label", {class: "field"}, el("span", {}, "As it was known on"), known));
}

function shown(view, found, idle, asOf) {
  const priced = found.filter((one) => one.price.payment !== null);
  const where = view.place ? `in ${view.place.key}` : "nationally";
  if (!found.length) return [el("p", {class: "notice"}, `No release of this site that has ${view.name} prices a day${asOf ? ` as known on ${asOf}` : ""}.`)];
  const parts = [];
  if (priced.length) {
    parts.push(el("h3", {}, sentence(priced, view.asked.setting)),
      steps(priced, idle, (one) => Number(one.price.payment ?? one.price.amount), (value) => dollars(Math.round(value)), `Payment ${where} ${SETTINGS[view.asked.setting]}`));
  }
  const setting = view.asked.setting;
  parts.push(el("h3", {}, `Total RVUs ${SETTINGS[setting]}`),
    steps(found, idle, (one) => weight(one, setting), (value) => rvuText(Math.round(value)), "Total RVUs"),
    el("p", {class: "quiet"}, "Solid: the days that a release prices. Dotted: days of releases that this site doesn't hold.",
      idle.length > 0 && ` Dashed: releases that priced no day, never in force or replaced before (${idle.map((one) => one.release.label).join(", ")}).`,
      found.some((one) => one.release.supersedes) && " A ring marks a correction."),
    listed(view, found, idle));
  return parts;
}

// Which of these prices are nominal: CMS marks them NA in the setting.
function nominal(priced, setting) {
  const marked = priced.filter((one) => one.row.na[setting]);
  if (!marked.length) return "";
  return marked.length === priced.length ? "; NA throughout, so these prices are nominal" : `; NA, so nominal, in ${[...new Set(marked.map((one) => one.release.label))].join(", ")}`;
}

function sentence(priced, setting) {
  const [first, last] = [priced[0], priced.at(-1)];
  const [from, to] = [first.price.payment, last.price.payment];
  if (first === last) return `${dollars(to)} from ${first.first} to ${last.last}`;
  const percent = (Number(to - from) / Number(from || 1n)) * 100;
  return `From ${dollars(from)} in ${first.first.slice(0, 4)} to ${dollars(to)} in ${last.first.slice(0, 4)}: ${percent < 0 ? "−" : "+"}${Math.abs(percent).toFixed(Math.abs(percent) < 0.1 ? 2 : 1)} %${nominal(priced, setting)}`;
}

function steps(found, idle, value, text, words) {
  const width = chartWidth();
  const days = (day) => Date.parse(day) / 864e5;
  const all = [...found, ...idle];
  const [from, to] = [Math.min(...all.map((one) => days(one.first))), Math.max(...all.map((one) => days(one.last) + 1))];
  const values = all.map(value);
  const high = Math.max(...values), low = Math.min(...values);
  const floor = Math.max(0, low - (high - low || high) * 0.15);
  const x = (day) => LEFT + ((day - from) / (to - from)) * (width - LEFT - 6);
  const y = (one) => TOP + (1 - (one - floor) / (high - floor || 1)) * (HEIGHT - TOP - BOTTOM);
  let path = "";
  found.forEach((one, at) => {
    const joined = at > 0 && dayAfter(found[at - 1].last) === one.first;
    path += `${joined ? "V" : `M${x(days(one.first)).toFixed(1)} `}${y(value(one)).toFixed(1)}H${x(days(one.last) + 1).toFixed(1)}`;
  });
  const dashed = idle.map((one) => `M${x(days(one.first)).toFixed(1)} ${y(value(one)).toFixed(1)}H${x(days(one.last) + 1).toFixed(1)}`).join("");
  const between = found.slice(1).map((one, at) => [found[at], one]).filter(([before, one]) => dayAfter(before.last) !== one.first)
    .map(([before, one]) => `M${x(days(before.last) + 1).toFixed(1)} ${y(value(before)).toFixed(1)}L${x(days(one.first)).toFixed(1)} ${y(value(one)).toFixed(1)}`).join("");
  const marks = [...new Set([low, high])];
  return chart(width, HEIGHT, `${words}: ${found.map((one) => `${one.first} ${text(value(one))}`).join(", ")}`,
    marks.map((one) => [svg("line", {x1: LEFT, x2: width, y1: y(one), y2: y(one), class: "grid-line"}), svg("text", {x: LEFT - 8, y: y(one) + 4, class: "axis end"}, text(one))]),
    years(from, to, width).map(([day, year]) => svg("text", {x: x(day), y: HEIGHT - 4, class: "axis"}, year)),
    between && svg("path", {d: between, class: "between"}),
    dashed && svg("path", {d: dashed, class: "step dashed"}),
    svg("path", {d: path, class: "step"}),
    found.map((one) => svg("rect", {x: x(days(one.first)).toFixed(1), y: TOP, width: Math.max(2, x(days(one.last) + 1) - x(days(one.first))).toFixed(1), height: HEIGHT - TOP - BOTTOM, class: "unfilled"},
      svg("title", {}, `${one.release.label}, ${one.first} to ${one.last}: ${text(value(one))}`))),
    found.filter((one) => one.release.supersedes).map((one) => svg("circle", {cx: x(days(one.first)).toFixed(1), cy: y(value(one)).toFixed(1), r: 4.5, class: "ring"})));
}

function years(from, to, width) {
  const first = new Date(from * 864e5).getUTCFullYear(), last = new Date((to - 1) * 864e5).getUTCFullYear();
  const step = Math.max(1, Math.ceil((last - first + 1) / Math.floor((width - LEFT) / 56)));
  const found = [];
  for (let year = first; year <= last; year += step) {
    const day = Date.parse(`${year}-01-01`) / 864e5;
    found.push([Math.max(day, from), year]);
  }
  return found;
}

function listed(view, found, idle) {
  const setting = view.asked.setting;
  const columns = [
    {name: "From", cell: (one) => one.first},
    {name: "To", cell: (one) => one.last},
    {name: "Release", cell: (one) => one.release.label},
    {name: "Payment", number: true, cell: (one) => (one.idle ? "priced no day" : one.price.payment === null ? reasonText(one.price.reason) : dollars(one.price.payment) + (one.row.na[setting] ? " NA" : "")), by: (one) => one.price.payment ?? -1n},
    {name: "Total RVU", number: true, cell: (one) => rvuText(weight(one, setting)), by: (one) => weight(one, setting)},
    {name: "Factor", number: true, cell: (one) => scaledText(one.factor, 4), by: (one) => one.factor},
  ];
  const rows = [...found, ...idle.map((one) => ({...one, idle: true}))];
  return el("details", {}, el("summary", {}, "Every release as a table"), table("What it paid, by release", columns, rows, {sort: {at: 0, down: true}}));
}
