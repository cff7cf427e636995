// What stands beside a code in the newest release: related codes, and the most units of a day.
import {el} from "./dom.js";
import {facts, releases} from "./facts.js";
import {load} from "./load.js";
import {prefixIn} from "./code-data.js";
import {addressOf, codeOf, go} from "./address.js";

const RELATIONS = {
  endoscopic_base: "Endoscopic base", endoscopy: "Endoscopies of which it's the base", endoscopic_sibling: "Endoscopies of the same base",
  add_on: "Add-on codes", primary: "Codes that it's added to", nearest_in_work: "Nearest in work, of its subsection",
};
const LACKS = {
  code_relation: "related codes (the version has no table code_relation)", mue: "the most units (no MUE file is loaded in the store)",
};

export async function beside({known, asked}) {
  const prefix = prefixIn(facts.beside, known.code);
  const file = prefix ? await load(`data/beside/${prefix}.json`, facts.beside[prefix]) : {};
  const said = Object.hasOwn(file, known.code) ? file[known.code] : {};
  const other = el("input", {type: "text", size: 9, placeholder: "Other code", "aria-label": `A code to put beside ${known.code}`});
  const lacks = facts.lacks.map((table) => LACKS[table] ?? table);
  return el("div", {},
    el("dl", {class: "facts"},
      said.mue && fact("Most units (MUE)", `${said.mue[0]} ${said.mue[1] === "1" ? "in one line of a claim" : "on one day"} (indicator ${said.mue[1]}; ${said.mue[2]})`),
      !said.mue && !facts.lacks.includes("mue") && fact("Most units (MUE)", "no limit is listed"),
      Object.entries(RELATIONS).filter(([name]) => said.code_relation?.[name]).map(([name, title]) => fact(title, links(said.code_relation[name], asked)))),
    el("form", {class: "bar", onsubmit: (event) => { event.preventDefault(); if (other.value.trim()) go({...asked, participant: "", with: codeOf(other.value)}); }},
      other, el("button", {}, `Beside ${known.code}`)),
    el("p", {class: "quiet"}, `As of ${releases.at(-1).label}, the newest release of this site.`, lacks.length > 0 && ` Not here: ${lacks.join("; ")}.`));
}

function fact(name, value) {
  return el("div", {}, el("dt", {}, name), el("dd", {}, value));
}

function links(codes, asked) {
  return codes.map((code, at) => [at ? ", " : "", el("a", {href: addressOf({code, date: asked.date})}, code)]);
}
