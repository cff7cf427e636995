// Search: codes by their beginning, sections by name, and words of public descriptions.
import {el} from "./dom.js";
import {facts, releases} from "./facts.js";
import {load} from "./load.js";
import {addressOf, codeOf} from "./address.js";
import {sectionsOf} from "./population.js";
import {table} from "./table.js";

const MOST = 300;

export async function searchPage(wanted) {
  const text = wanted.q.trim();
  const code = codeOf(text);
  const begins = /^[0-9A-Z]{1,5}$/.test(code) && (/\d/.test(code) || code.length === 1) ? await beginning(code) : [];
  const sections = text.length > 2 ? await sectionsLike(text.toLowerCase()) : [];
  const worded = text.length > 2 && !begins.length ? await withWords(text.toLowerCase()) : [];
  const found = [...begins, ...worded];
  const nothing = !found.length && !sections.length;
  return {
    title: `Search ${text}`,
    content: [
      el("header", {class: "head"}, el("h1", {}, nothing ? `Nothing found for ${text}` : text)),
      nothing && el("p", {class: "says"}, hint()),
      sections.length > 0 && el("ul", {class: "plain-list"}, sections.map((section) => el("li", {}, el("a", {href: addressOf({section})}, section)))),
      found.length > 0 && table("Codes found", columns(wanted), found, {search: found.length > 20 ? "Narrow it down" : "", most: MOST}),
    ],
  };
}

function hint() {
  const worded = facts.texts ? " Words are looked for in the public descriptions of Level II codes." : " This site has no descriptions, so words find sections only.";
  return `Search by a code or its beginning (977), or a section (Radiology).${worded}`;
}

export function columns(wanted) {
  return [
    {name: "Code", cell: ([code]) => el("a", {href: addressOf({code, date: wanted.date ?? ""})}, code), by: ([code]) => code},
    {name: "Status", cell: ([, status]) => status},
    {name: "Section", cell: ([, , section]) => section.filter(Boolean).join(" – ")},
    {name: "Words", cell: ([, , , at, text]) => [text ?? "", at < releases.length - 1 && `last in ${releases[at].label}`].filter(Boolean).join("; ")},
  ].map((column) => ({by: (row) => text(column.cell(row)), ...column}));
}

function text(cell) {
  return cell instanceof Node ? cell.textContent : cell;
}

async function file(prefix) {
  const {sections, codes} = await load(`data/search/${prefix}.json`, facts.search[prefix]);
  return codes.map(([code, status, section, at, words]) => [code, status, sections[section], at, words]);
}

async function beginning(code) {
  const files = Object.keys(facts.search).filter((prefix) => prefix.startsWith(code) || code.startsWith(prefix));
  return (await Promise.all(files.map(file))).flat().filter(([one]) => one.startsWith(code));
}

async function sectionsLike(words) {
  const named = Object.values(await sectionsOf(releases.at(-1))).flatMap(Object.keys);
  return [...new Set(named)].filter((section) => words.split(/\s+/).every((word) => section.toLowerCase().includes(word))).sort();
}

async function withWords(words) {
  if (!facts.texts) return [];
  const files = Object.keys(facts.search).filter((prefix) => /^[A-Z]/.test(prefix));
  const each = words.split(/\s+/);
  return (await Promise.all(files.map(file))).flat().filter(([, , , , said]) => said && each.every((word) => said.toLowerCase().includes(word)));
}
