// Two codes side by side, on the same day, in the same place and setting.
import {el} from "./dom.js";
import {loadCode, indicatorsAt, totalOf} from "./code-data.js";
import {load} from "./load.js";
import {facts} from "./facts.js";
import {understood, viewOf} from "./view.js";
import {withPlace} from "./zips.js";
import {wordsFor} from "./indicators.js";
import {addressOf, codeOf, go} from "./address.js";
import {controls} from "./controls.js";
import {participantsOf} from "./facts.js";
import {addressed} from "./code-page.js";
import {dollars, rvuText} from "./numbers.js";
import {SETTING_NAMES, reasonText} from "./words.js";
import {MEASURES, population, participantWith, sectionsOf, standing} from "./population.js";
import {ordinal} from "./numbers.js";
import {Trouble} from "./load.js";

export async function twoPage(wanted) {
  const {asked: written, said} = understood(wanted);
  const asked = await withPlace(written, said);
  const codes = [asked.code, codeOf(wanted.with)];
  const views = [];
  if (codes.includes("")) throw new Trouble("Name two codes, like ?code=97760&with=97761.");
  for (const code of codes) {
    const known = await loadCode(code);
    if (!known) throw new Trouble(`No release of this site has a code ${code}.`);
    views.push(await viewOf(known, {...asked, code, modifier: ""}, said));
  }
  const change = (more) => go({...addressed({...views[0].asked, ...more}), with: codes[1]});
  const {indicators: names, meanings} = await load("data/words.json", facts.words);
  const values = views.map(({known, line, asked: {modifier}, number}) => indicatorsAt(known, line, modifier, number) ?? []);
  const day = views[0].release.days[0] || views[0].release.quarter[0];
  const stands = await Promise.all(views.map(workOf));
  const setting = views[0].asked.setting;
  const rows = [
    ["Payment", ...views.map(({price}) => (price.payment === null ? reasonText(price.reason) : dollars(price.payment)))],
    ["Section", ...views.map(({known}) => [known.section, known.subsection].filter(Boolean).join(" – "))],
    ["Status", ...views.map(({row}) => `${row.status}: ${facts.statuses[row.status] ?? ""}`)],
    ["Work RVU", ...views.map(({row}) => rvuText(row.work))],
    [`PE RVU, ${SETTING_NAMES[setting].toLowerCase()}`, ...views.map(({row}) => rvuText(row.pe[setting]) + (row.na[setting] ? " (NA)" : ""))],
    ["Malpractice RVU", ...views.map(({row}) => rvuText(row.mp))],
    ["Total RVU", ...views.map(({row}) => rvuText(totalOf(row, setting)))],
    [`${MEASURES.work_rvu} in its section`, ...stands],
    ...names.map(([name, title], at) => [title, ...values.map((list) => [list[at], wordsFor(meanings[name], list[at], day)].filter(Boolean).join(": "))]).filter(([, a, b]) => (a && a !== "0.00") || (b && b !== "0.00")),
  ];
  return {
    title: codes.join(" and "),
    content: [
      el("header", {class: "head"}, el("h1", {}, codes.join(" and ")), el("p", {class: "says"}, sentence(codes, views))),
      said.map((text) => el("p", {class: "notice", role: "alert"}, text)),
      controls(views[0].asked, {places: views[0].places, participants: participantsOf(views[0].release), modifiers: [""]}, change),
      el("div", {class: "scroll whole", tabindex: 0, role: "region", "aria-label": "Both codes"}, el("table", {class: "plain"},
        el("caption", {class: "unseen"}, "Both codes side by side"),
        el("thead", {}, el("tr", {}, el("td"), codes.map((code, at) => el("th", {scope: "col"}, el("a", {href: addressOf(addressed({...views[at].asked, code}))}, code))))),
        el("tbody", {}, rows.map(([name, ...cells]) => el("tr", {class: cells[0] !== cells[1] && "differs"}, el("th", {scope: "row"}, name), cells.map((cell) => el("td", {}, cell))))))),
    ],
  };
}

function sentence(codes, [a, b]) {
  if (a.price.payment === null || b.price.payment === null) return "Medicare's schedule doesn't price both of them.";
  if (a.price.payment === b.price.payment) return `Both pay ${dollars(a.price.payment)}.`;
  const [more, less, high, low] = a.price.payment > b.price.payment ? [codes[0], codes[1], a, b] : [codes[1], codes[0], b, a];
  return `${more} pays ${dollars(high.price.payment - low.price.payment)} more than ${less}.`;
}

async function workOf({known, release, participant}) {
  const sections = await sectionsOf(release);
  const all = known.section && (await population(release, participantWith(sections, participant, known.section), known.section));
  if (!all?.work_rvu.some(([code]) => code === known.code)) return "not counted";
  const {percentile, n} = standing(all.work_rvu, known.code);
  return `${ordinal(Math.round(percentile))} percentile of ${n} ${known.section} codes`;
}
