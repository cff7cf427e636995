// Why the national amount changed: what work, practice expense, malpractice and the factor did to it, release by release.
import {el, svg, chart, chartWidth} from "./dom.js";
import {scaledText, dollars} from "./numbers.js";
import {pieces, weight} from "./over-time.js";
import {halfUp, priceOf, NATION} from "./money.js";

const KINDS = [["work", "Work"], ["pe", "Practice expense"], ["mp", "Malpractice"], ["factor", "Factor"]];
const STEP = 30, LEFT = 78, RIGHT = 66;

export async function why(view) {
  const {found} = await pieces({...view, asked: {...view.asked, locality: ""}});
  const each = changesOf(found, view.asked.setting);
  if (!each.length) return el("p", {class: "quiet"}, "This site has one release that prices it, so there is nothing to compare.");
  const latest = each.filter((one) => one.to.number <= view.number).at(-1) ?? each.at(-1);
  return el("div", {},
    el("p", {class: "says"}, whySentence(latest)),
    el("p", {class: "legend"}, KINDS.map(([kind, name]) => el("span", {}, el("i", {class: kind}), name))),
    bars(each, latest),
    el("p", {class: "quiet"}, "National amounts before any cap, in order of releases: change in RVUs times the earlier factor, then the new RVUs times the change in the factor."));
}

// Each pair of neighbours in force: what every part did, in millionths of a dollar.
export function changesOf(found, setting) {
  const first = found.filter((one, at) => at === 0 || found[at - 1].number !== one.number);
  return first.slice(1).map((to, at) => {
    const from = first[at];
    const [was, now] = [from.row, to.row];
    const by = {
      work: BigInt((now.adjustedWork ?? now.work) - (was.adjustedWork ?? was.work)) * BigInt(from.factor),
      pe: BigInt(now.pe[setting] - was.pe[setting]) * BigInt(from.factor),
      mp: BigInt(now.mp - was.mp) * BigInt(from.factor),
      factor: BigInt(weight(to, setting) - now.work + (now.adjustedWork ?? now.work)) * BigInt(to.factor - from.factor),
    };
    const amount = (one) => priceOf(one.row, setting, NATION, one.factor).amount;
    return {from, to, by, was: amount(from), now: amount(to)};
  });
}

export function whySentence({from, to, by, was, now}) {
  const pair = `From ${from.release.label} to ${to.release.label}`;
  const rvus = by.work + by.pe + by.mp;
  const parts = [["RVUs", rvus], ["factor", by.factor]].filter(([, value]) => value !== 0n).map(([name, value]) => `${name} ${cents(value)}`);
  const rest = now - was - rounded(rvus) - rounded(by.factor);
  const law = rest > 1n || rest < -1n ? `; what law put on top ${signedDollars(rest)}` : "";
  if (was === now && !parts.length) return `${pair} nothing changed: ${dollars(now)}.`;
  return `${pair}: ${dollars(was)} to ${dollars(now)}${parts.length ? `: ${parts.join(", ")}` : ""}${law}.`;
}

function rounded(millionths) {
  return millionths < 0n ? -halfUp(-millionths, 10000n) : halfUp(millionths, 10000n);
}

function cents(millionths) {
  return signedDollars(rounded(millionths));
}

function signedDollars(value) {
  return `${value < 0n ? "−" : value > 0n ? "+" : ""}$${scaledText(value < 0n ? -value : value, 2)}`;
}

function bars(each, latest) {
  const width = chartWidth();
  const sums = each.map(({by}) => {
    const values = KINDS.map(([kind]) => Number(by[kind]));
    return [values.filter((one) => one < 0).reduce((a, b) => a + b, 0), values.filter((one) => one > 0).reduce((a, b) => a + b, 0)];
  });
  const low = Math.min(...sums.map(([one]) => one), 0), high = Math.max(...sums.map(([, one]) => one), 0);
  const x = (value) => LEFT + ((value - low) / (high - low || 1)) * (width - LEFT - RIGHT);
  return chart(width, each.length * STEP + 4, each.map(whySentence).join(" "),
    svg("line", {x1: x(0), x2: x(0), y1: 0, y2: each.length * STEP, class: "mark-line"}),
    each.map((one, at) => {
      let [left, right] = [0, 0];
      return [
        svg("text", {x: 0, y: at * STEP + 20, class: one === latest ? "label strong" : "label"}, one.to.release.label),
        KINDS.map(([kind]) => {
          const value = Number(one.by[kind]);
          const start = value < 0 ? left + value : right;
          if (value < 0) left += value;
          else right += value;
          return svg("rect", {x: x(start).toFixed(1), y: at * STEP + 6, width: Math.max(0, x(start + Math.abs(value)) - x(start)).toFixed(1), height: 19, class: kind},
            svg("title", {}, `${one.from.release.label} to ${one.to.release.label}, ${KINDS.find(([name]) => name === kind)[1]}: ${cents(one.by[kind])}`));
        }),
        svg("text", {x: width, y: at * STEP + 20, class: "value end"}, signedDollars(one.now - one.was)),
      ];
    }));
}
