// RVUs as bars: work, practice expense and malpractice of both settings, and the two parts of a test.
import {el, svg, chart, chartWidth} from "./dom.js";
import {rvuText} from "./numbers.js";
import {totalOf} from "./code-data.js";
import {SETTING_NAMES, naText} from "./words.js";

const LEFT = 92, RIGHT = 48, HEIGHT = 30, STEP = 46;
const KINDS = [["work", "Work"], ["pe", "Practice expense"], ["mp", "Malpractice"]];

export function rvuTitle(row) {
  const [office, facility] = [totalOf(row, "nonfacility"), totalOf(row, "facility")];
  if (!office && !facility) return "CMS gives it no RVUs";
  const shares = KINDS.map(([kind, name]) => [kind === "pe" ? row.pe.nonfacility : row[kind], name.toLowerCase()]);
  const [most, name] = shares.reduce((a, b) => (b[0] > a[0] ? b : a));
  const rounded = Math.round((100 * most) / office);
  const percent = rounded === 100 && most < office ? "over 99" : rounded;
  const other = row.na.nonfacility || row.na.facility || office === facility ? "" : `, ${rvuText(facility)} in a facility`;
  return `It weighs ${rvuText(office)} RVU${other}; ${percent} % of that is ${name}`;
}

export function rvuBars(row) {
  const width = chartWidth();
  const settings = Object.keys(SETTING_NAMES);
  const most = Math.max(...settings.map((setting) => totalOf(row, setting)), 1);
  const words = settings.map((setting) => `${SETTING_NAMES[setting]}: work ${rvuText(row.work)}, practice expense ${rvuText(row.pe[setting])}, malpractice ${rvuText(row.mp)}, total ${rvuText(totalOf(row, setting))}${row.na[setting] ? ", NA" : ""}`);
  const bars = settings.map((setting, at) => {
    const parts = [["work", row.work], ["pe", row.pe[setting]], ["mp", row.mp]];
    return [
      svg("text", {x: 0, y: at * STEP + 28, class: "label"}, SETTING_NAMES[setting]),
      bar(parts, at * STEP + 8, (width - LEFT - RIGHT) / most, row.na[setting]),
      row.na[setting] && svg("text", {x: LEFT + 8, y: at * STEP + 28, class: "over"}, "NA"),
      svg("text", {x: width, y: at * STEP + 28, class: "value end"}, rvuText(totalOf(row, setting))),
    ];
  });
  const na = settings.filter((setting) => row.na[setting]);
  return el("div", {},
    legend(),
    chart(width, STEP * 2 - 6, words.join(". "), hatch(), bars),
    na.map((setting) => el("p", {class: "quiet"}, el("span", {class: "hatched"}), `${naText(setting)}. CMS repeats the other setting's practice expense there.`)),
    numbers(row, settings));
}

function numbers(row, settings) {
  const lines = settings.map((setting) => [SETTING_NAMES[setting] + (row.na[setting] ? " (NA)" : ""), row.work, row.pe[setting], row.mp, totalOf(row, setting)]);
  return el("table", {class: "plain"},
    el("caption", {class: "unseen"}, "RVUs by setting"),
    el("thead", {}, el("tr", {}, ["", "Work", "PE", "MP", "Total"].map((name, at) => el(at ? "th" : "td", {scope: at ? "col" : null, class: at && "number"}, name)))),
    el("tbody", {}, lines.map(([name, ...values]) => el("tr", {}, el("th", {scope: "row"}, name), values.map((value) => el("td", {class: "number"}, rvuText(value)))))));
}

function legend() {
  return el("p", {class: "legend"}, KINDS.map(([kind, name]) => el("span", {}, el("i", {class: kind}), name)));
}

function bar(parts, y, scale, hatched) {
  let x = LEFT;
  return parts.map(([kind, value]) => {
    const width = value * scale;
    const drawn = svg("rect", {x: x.toFixed(1), y, width: Math.max(0, width - 1).toFixed(1), height: HEIGHT, class: hatched ? "na" : kind});
    x += width;
    return drawn;
  });
}

function hatch() {
  return svg("defs", {}, svg("pattern", {id: "hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)"},
    svg("rect", {width: 6, height: 6, class: "hatch-back"}), svg("rect", {width: 2, height: 6, class: "hatch-line"})));
}

// The professional and the technical part of a test, as parts of the whole.
export function partBars(whole, parts, setting) {
  const total = totalOf(whole, setting);
  const sum = parts.reduce((all, [, row]) => all + totalOf(row, setting), 0);
  const most = Math.max(total, sum, 1);
  const full = chartWidth();
  const wide = full - LEFT - RIGHT;
  let x = LEFT;
  const words = parts.map(([name, row]) => `${name}: ${rvuText(totalOf(row, setting))} of ${rvuText(total)} RVU`).join(", ");
  return el("div", {},
    el("h3", {}, `Its parts: ${parts.map(([name, row]) => `${rvuText(totalOf(row, setting))} RVU are the ${name}`).join(", ")}`),
    chart(full, 60, words,
      svg("text", {x: 0, y: 22, class: "label"}, "Parts"),
      parts.map(([name, row, kind], at) => {
        const width = (totalOf(row, setting) / most) * wide;
        const from = x;
        x += width;
        return [svg("rect", {x: from.toFixed(1), y: 4, width: Math.max(0, width - 1).toFixed(1), height: HEIGHT - 4, class: at ? "mp" : "work"}),
          svg("text", {x: at ? (LEFT + wide) : from.toFixed(1), y: 52, class: at ? "label end" : "label"}, `${kind} ${rvuText(totalOf(row, setting))}`)];
      }),
      svg("text", {x: full, y: 22, class: "value end"}, rvuText(total))));
}
