// Modifiers that go with a code and what they pay, and those that don't, with the indicator that says so.
import {el} from "./dom.js";
import {facts, releases} from "./facts.js";
import {load} from "./load.js";
import {besideOf} from "./beside.js";
import {wordsFor} from "./indicators.js";
import {dollars} from "./numbers.js";
import {table} from "./table.js";

export async function modifiers({known, asked}) {
  if (facts.lacks.includes("code_modifier")) return el("p", {class: "quiet"}, "The version has no table code_modifier, so modifiers other than those with rows of their own aren't shown.");
  const listed = (await besideOf(known.code)).code_modifier;
  const newest = releases.at(-1);
  if (!listed) return el("p", {class: "quiet"}, `${newest.label} has no price for ${known.code}, so no modifier does anything to it.`);
  const {meanings} = await load("data/words.json", facts.words);
  const at = asked.setting === "facility" ? 7 : 6;
  const why = ([, , , indicator, value]) => {
    if (!indicator) return "the code itself, no indicator";
    const words = wordsFor(meanings[indicator], value, newest.days[0] || newest.quarter[0]);
    return `${indicator.replaceAll("_", " ")} ${value}${words ? `: ${words}` : ""}`;
  };
  const said = (row) => (/^\d+$/.test(row[at]) ? dollars(Number(row[at])) : row[at].replaceAll("_", " "));
  const columns = [
    {name: "Modifier", cell: ([modifier]) => modifier},
    {name: "What it says", cell: ([, name, , , , documented]) => name + (documented ? " (once documented)" : "")},
    {name: "Payment", number: true, cell: said, by: (row) => (/^\d+$/.test(row[at]) ? Number(row[at]) : -1)},
    {name: "By", cell: why},
  ];
  const [apply, dont] = [true, false].map((one) => listed.filter((row) => row[2] === one));
  return el("div", {},
    apply.length > 0 && table("Modifiers that apply", columns, apply),
    dont.length > 0 && el("details", {}, el("summary", {}, `${dont.length} that don't go with it`), table("Modifiers that don't go with it", columns, dont)),
    el("p", {class: "quiet"}, `National payments of ${newest.label} with the modifier alone, on one unit of the whole service. Modifiers that only inform, or do the same to every code, aren't listed.`));
}
