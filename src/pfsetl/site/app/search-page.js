// Search: codes by their beginning; sections, families, localities and releases by name; words of public descriptions.
import {el} from "./dom.js";
import {facts, releases} from "./facts.js";
import {load} from "./load.js";
import {loadPlaces} from "./places.js";
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
  const links = [...sections.map((section) => [section, {section}]), ...await placesLike(text), ...releases.filter((one) => one.label.startsWith(code) && code.length > 3).map(({label}) => [label, {release: label}])];
  const nothing = !found.length && !links.length;
  return {
    title: `Search ${text}`,
    content: [
      el("header", {class: "head"}, el("h1", {}, nothing ? `Nothing found for ${text}` : text)),
      nothing && el("p", {class: "says"}, hint()),
      links.length > 0 && el("ul", {class: "plain-list"}, links.map(([name, wanted]) => el("li", {}, el("a", {href: addressOf(wanted)}, name)))),
      found.length > 0 && table("Codes found", columns(wanted), found, {search: found.length > 20 ? "Narrow it down" : "", most: MOST}),
    ],
  };
}

function hint() {
  const families = facts.lacks.includes("rbcs") ? "" : ", families";
  const worded = facts.texts ? " and in the public descriptions of Level II codes" : "; this site has no descriptions";
  return `Search by a code or its beginning (977), or by words: they're looked for in sections${families}, localities and releases${worded}.`;
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
  const {sections, families, codes} = await load(`data/search/${prefix}.json`, facts.search[prefix]);
  return codes.map(([code, status, section, at, words, family]) => [code, status, sections[section], at, words, families[family]?.join(" ") ?? ""]);
}

async function beginning(code) {
  const files = Object.keys(facts.search).filter((prefix) => prefix.startsWith(code) || code.startsWith(prefix));
  return (await Promise.all(files.map(file))).flat().filter(([one]) => one.startsWith(code));
}

async function sectionsLike(words) {
  const named = Object.values(await sectionsOf(releases.at(-1))).flatMap(Object.keys);
  return [...new Set(named)].filter((section) => words.split(/\s+/).every((word) => section.toLowerCase().includes(word))).sort();
}

// Codes whose description, section or family has all of the words.
async function withWords(words) {
  const each = words.split(/\s+/);
  const has = (said) => each.every((word) => said.toLowerCase().includes(word));
  return (await Promise.all(Object.keys(facts.search).map(file))).flat()
    .filter(([, , section, , said, family]) => has(said ?? "") || has(section.join(" ")) || has(family));
}

async function placesLike(text) {
  const words = text.toLowerCase();
  const like = (place) => [place.key, place.state].some((one) => one.toLowerCase() === words)
    || (words.length > 3 && `${place.name} ${place.counties} ${facts.states[place.state] ?? ""}`.toLowerCase().includes(words));
  return (await loadPlaces(releases.at(-1))).filter(like).map((place) => [`${place.key} ${place.name}`, {place: place.key}]);
}
