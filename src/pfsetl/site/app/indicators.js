// Every indicator in words, as CMS's list of the day has it.
import {el} from "./dom.js";
import {facts, within} from "./facts.js";
import {load} from "./load.js";
import {indicatorsAt} from "./code-data.js";

export async function indicators({known, line, asked, number, release, row}) {
  const {indicators: names, meanings} = await load("data/words.json", facts.words);
  const values = indicatorsAt(known, line, asked.modifier, number) ?? [];
  const day = release.days[0] || release.quarter[0];
  const packaged = (name, value) => !/^(pre|intra|post)operative$/.test(name) || Number(value) > 0;
  const rows = names.map(([name, title], at) => [title, values[at], wordsFor(meanings[name], values[at], day), name]).filter(([, value, , name]) => packaged(name, value));
  return el("table", {class: "plain words"},
    el("caption", {class: "unseen"}, "Indicators"),
    el("thead", {}, el("tr", {}, ["Indicator", "Value", "In words"].map((text) => el("th", {scope: "col"}, text)))),
    el("tbody", {},
      el("tr", {}, el("th", {scope: "row"}, "Status"), el("td", {}, row.status), el("td", {}, facts.statuses[row.status] ?? "not in CMS's list")),
      rows.filter(([, value]) => value !== "" && value !== undefined).map(([title, value, words]) => el("tr", {}, el("th", {scope: "row"}, title), el("td", {}, value), el("td", {}, words)))));
}

export function wordsFor(list, value, day) {
  if (!list) return "";
  const found = list.filter(([code]) => code === value);
  return (found.find(([, , from, to]) => within(day, from, to)) ?? found[0])?.[1] ?? "not in CMS's list";
}
