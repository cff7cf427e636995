// One section: how its codes lie on a measure, and all of them in a table.
import {el, part} from "./dom.js";
import {releases} from "./facts.js";
import {addressOf, go} from "./address.js";
import {MEASURES, measureName, measureText, population, sectionsOf, standing, participantWith} from "./population.js";
import {histogram} from "./compare.js";
import {select} from "./controls.js";
import {table} from "./table.js";
import {understood, releaseFor, participantFor} from "./view.js";
import {days} from "./words.js";
import {Trouble} from "./load.js";

export async function sectionPage(wanted) {
  const {asked, said} = understood(wanted);
  const found = releaseFor(asked.date);
  if (found.number === null) throw new Trouble(found.said);
  const release = releases[found.number];
  const sections = await sectionsOf(release);
  const names = [...new Set(Object.values(sections).flatMap(Object.keys))].sort();
  const section = names.find((one) => one.toLowerCase() === wanted.section.toLowerCase());
  if (!section) throw new Trouble(`${release.label} has no section ${wanted.section} with values. There are ${names.join(", ")}.`);
  const participant = participantWith(sections, participantFor(release, asked.participant, said), section);
  const all = await population(release, participant, section);
  const measures = Object.keys(MEASURES).filter((measure) => all[measure].length);
  const measure = measures.includes(wanted.measure) ? wanted.measure : measures[0];
  const stands = standing(all[measure], "");
  const text = (value) => measureText(measure, value);
  return {
    title: section,
    content: [
      el("header", {class: "head"}, el("h1", {}, section),
        el("p", {class: "says"}, `Half of its ${stands.n} codes with a value have a ${measureName(measure)} of ${text(Math.round(stands.median))} or more; the highest is ${text(stands.max)} (`, el("a", {href: addressOf({code: stands.highest, date: asked.date})}, stands.highest), ")."),
        el("p", {class: "quiet"}, el("a", {href: addressOf({release: release.label})}, release.label), `, ${days(release)}. Codes of every status count, each once, with its largest value over modifiers.`)),
      said.map((one) => el("p", {class: "notice", role: "alert"}, one)),
      el("form", {class: "controls", onsubmit: (event) => event.preventDefault()},
        el("label", {class: "field"}, el("span", {}, "Measure"), select("measure", measures, (one) => MEASURES[one], measure, (one) => go({section, date: wanted.date, measure: one})))),
      histogram(stands, text),
      part("Its codes", table(`Codes of ${section}`, codeColumns(all, measures, asked), rowsOf(all, measures), {search: "Code"})),
    ],
  };
}

function rowsOf(all, measures) {
  const rows = new Map();
  for (const measure of measures) for (const [code, value] of all[measure]) rows.set(code, {...rows.get(code), code, [measure]: value});
  return [...rows.values()].sort((a, b) => (a.code < b.code ? -1 : 1));
}

function codeColumns(all, measures, asked) {
  return [
    {name: "Code", cell: ({code}) => el("a", {href: addressOf({code, date: asked.date})}, code), by: ({code}) => code},
    ...measures.map((measure) => ({name: MEASURES[measure], number: true, cell: (row) => (row[measure] === undefined ? "" : measureText(measure, row[measure])), by: (row) => row[measure] ?? -1})),
  ];
}
