// What stands beside a code in the newest release: related codes, and the most units of a day.
import {el} from "./dom.js";
import {facts, releases} from "./facts.js";
import {load} from "./load.js";
import {prefixIn} from "./code-data.js";
import {grouped} from "./numbers.js";
import {addressOf, codeOf, go} from "./address.js";

const RELATIONS = {
  endoscopic_base: "Endoscopic base", endoscopy: "Endoscopies of which it's the base", endoscopic_sibling: "Endoscopies of the same base",
  add_on: "Add-on codes", primary: "Codes that it's added to", nearest_in_work: "Nearest in work, of its subsection",
};
const LACKS = {
  code_relation: "related codes (the version has no table code_relation)", mue: "the most units (no MUE file is loaded in the store)", ptp: "edit pairs (no PTP file is loaded)",
  rbcs: "what kind of service it is (no RBCS file is loaded)", add_on: "add-on codes (no such file is loaded)", telehealth: "telehealth (no list is loaded)",
};
const NAMES = {mue: "MUE", ptp: "edit pairs", rbcs: "RBCS", add_on: "add-on codes", telehealth: "telehealth"};

// What the newest release and what is loaded beside it say of a code, by table.
export async function besideOf(code) {
  const prefix = prefixIn(facts.beside, code);
  const file = prefix ? await load(`data/beside/${prefix}.json`, facts.beside[prefix]) : {};
  return Object.hasOwn(file, code) ? file[code] : {};
}

export async function beside({known, asked}) {
  const edits = await editsOf(known.code);
  const said = await besideOf(known.code);
  const other = el("input", {type: "text", size: 9, placeholder: "Other code", "aria-label": `A code to put beside ${known.code}`});
  const lacks = facts.lacks.filter((table) => table !== "code_modifier").map((table) => LACKS[table] ?? table);
  return el("div", {},
    el("dl", {class: "facts"},
      said.mue && fact("Most units (MUE)", `${said.mue[0]} ${said.mue[1] === "1" ? "in one line of a claim" : "on one day"} (indicator ${said.mue[1]}; ${said.mue[2]}; ${of("mue")})`),
      !said.mue && !facts.lacks.includes("mue") && fact("Most units (MUE)", `no limit is listed (${of("mue")})`),
      said.rbcs && fact("Kind of service (RBCS)", `${said.rbcs.filter(Boolean).join(" – ")} (${of("rbcs")})`),
      !facts.lacks.includes("telehealth") && fact("Telehealth", said.telehealth ? `on Medicare's list${said.telehealth[0] ? ` (${said.telehealth[0]})` : ""}${said.telehealth[1] ? "; sound without picture is enough" : ""}` : "not on Medicare's list", ` (${of("telehealth")})`),
      Object.entries(RELATIONS).map(([name, title]) => [title, (said.code_relation ?? {})[name] ?? (said.add_on ?? {})[name]]).filter(([, codes]) => codes).map(([title, codes]) => fact(title, links(codes, asked)))),
    known.gone.map(([label, codes, count]) => el("p", {}, `Not in ${label} any more. ${count === 1 ? "1 code" : `${count} codes`} of its subsection appeared then: `, links(codes.split(" "), asked), count > codes.split(" ").length && " and others", ".")),
    edits.map(([title, codes]) => el("details", {}, el("summary", {}, `${grouped(codes.length)} ${title} (${of("ptp")})`), el("p", {class: "codes"}, links(codes, asked)))),
    !facts.only && el("form", {class: "bar", onsubmit: (event) => { event.preventDefault(); if (other.value.trim()) go({...asked, participant: "", with: codeOf(other.value)}); }},
      other, el("button", {}, `Beside ${known.code}`)),
    el("p", {class: "quiet"}, `As of ${releases.at(-1).label}, the newest release of this site.`, lacks.length > 0 && ` Not here: ${lacks.join("; ")}.`,
      facts.in_part.length > 0 && ` Just a part is loaded, so what isn't said may be so: ${facts.in_part.map((table) => NAMES[table] ?? table).join(", ")}.`));
}

const EDITS = {
  denied: {0: "codes aren't paid beside it, whatever the modifier", 1: "codes aren't paid beside it unless a modifier says that they were apart"},
  denies: {0: "codes it isn't paid beside, whatever the modifier", 1: "codes it isn't paid beside unless a modifier says that they were apart"},
};

// NCCI's edit pairs of a code, by what they do.
async function editsOf(code) {
  const prefix = prefixIn(facts.edits, code);
  const file = prefix ? await load(`data/edits/${prefix}.json`, facts.edits[prefix]) : {};
  const said = Object.hasOwn(file, code) ? file[code] : {};
  return Object.entries(EDITS).flatMap(([side, titles]) => Object.entries(titles)
    .filter(([indicator]) => said[side]?.[indicator]).map(([indicator, title]) => [title, said[side][indicator].match(/.{5}/g)]));
}

// Which file says it: that of the day from which it holds.
function of(kind) {
  return `file of ${facts.first_days[kind]}`;
}

function fact(name, ...value) {
  return el("div", {}, el("dt", {}, name), el("dd", {}, value));
}

function links(codes, asked) {
  return codes.map((code, at) => [at ? ", " : "", !/^[0-9A-Z]{5}$/.test(code) || code === "CCCCC" ? "any that the contractor names" : el("a", {href: addressOf({code, date: asked.date})}, code)]);
}
