// A reader's own list of codes with volumes: sums of work RVUs and payments. The list stays in the browser.
import {el} from "./dom.js";
import {loadCode, totalOf} from "./code-data.js";
import {load} from "./load.js";
import {understood, viewOf, releaseFor} from "./view.js";
import {withPlace} from "./zips.js";
import {addressOf, go} from "./address.js";
import {controls} from "./controls.js";
import {facts, releases, participantsOf} from "./facts.js";
import {loadPlaces} from "./places.js";
import {dollars, rvuText, grouped, scaledText} from "./numbers.js";
import {table} from "./table.js";
import {Trouble} from "./load.js";
import {reasonText} from "./words.js";

const KEPT = "codes with volumes", MOST = 500;

export async function listPage(wanted) {
  const {asked: written, said} = understood(wanted);
  const asked = await withPlace(written, said);
  const found = releaseFor(asked.date);
  if (found.number === null) throw new Trouble(found.said);
  const release = releases[found.number];
  const result = el("div", {"aria-live": "polite"});
  const area = el("textarea", {id: "lines", rows: 8, spellcheck: "false", value: kept(), oninput: () => keep(area.value), placeholder: "97761 120\n97110-59 500\n99213, 1200"});
  const show = async () => {
    keep(area.value);
    result.replaceChildren(...await summed(area.value, asked));
  };
  const change = (more) => go({list: "1", ...withoutCode({...asked, ...more})});
  if (area.value.trim()) await show();
  return {
    title: "A list of codes",
    content: [
      el("header", {class: "head"}, el("h1", {}, "A list of codes with volumes"),
        el("p", {class: "says"}, "One code and how many a line, such as a year's work. What you write stays in this browser; it's sent nowhere, and isn't in the address.")),
      said.map((text) => el("p", {class: "notice", role: "alert"}, text)),
      controls({...asked, participant: asked.participant || participantsOf(release)[0]}, {places: await loadPlaces(release), participants: participantsOf(release), modifiers: [""]}, change),
      el("form", {class: "lines", onsubmit: (event) => { event.preventDefault(); show(); }},
        el("label", {class: "field"}, el("span", {}, "Codes and volumes"), area), el("button", {}, "Add up")),
      result,
    ],
  };
}

function withoutCode({date, locality, setting, participant}) {
  return {date, locality, setting, participant};
}

function kept() {
  try {
    return localStorage.getItem(KEPT) ?? "";
  } catch {
    return "";
  }
}

function keep(text) {
  try {
    localStorage.setItem(KEPT, text);
  } catch {
    return;
  }
}

const LINE = /^([0-9A-Z]{5})(?:-([0-9A-Z]{2}))?(?:(?:\s*[,;]\s*|\s+)(\d{1,9}|\d{1,3}(?:,\d{3}){1,2}))?$/;

// Lines of a code, a modifier after a dash, and a volume; what can't be read is said, and not guessed at.
export function linesOf(text) {
  const lines = [], wrong = [];
  for (const [at, line] of text.split("\n").entries()) {
    if (!line.trim()) continue;
    const [, code, modifier = "", volume = "1"] = LINE.exec(line.trim().toUpperCase()) ?? [];
    if (code) lines.push({code, modifier, volume: Number(volume.replaceAll(",", ""))});
    else wrong.push(`Line ${at + 1}, ${line.trim()}, isn't counted: write a code, a modifier after a dash if there is one, and a whole number of up to nine digits, like 97761 120 or 70450-26 12.`);
  }
  if (lines.length > MOST) wrong.push(`Only the first ${MOST} of ${lines.length} lines are added up.`);
  return {lines: lines.slice(0, MOST), wrong};
}

async function summed(text, asked) {
  const {lines, wrong} = linesOf(text);
  const {informs} = await load("data/words.json", facts.words);
  const rows = [];
  for (const {code, modifier, volume} of lines) {
    const said = [];
    try {
      const known = await loadCode(code);
      if (!known) throw new Trouble(`No release of this site has a code ${code}.`);
      const view = await viewOf(known, {...asked, code, modifier}, said);
      if (view.asked.modifier !== modifier && !informs.includes(modifier)) {
        throw new Trouble(`${code}-${modifier} isn't counted: ${modifier} has no row of its own here, and may change what is paid. That's for 'pfsetl claim'; without it, the line counts at the price of ${code}.`);
      }
      rows.push({code, modifier, volume, view});
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      wrong.push(error.message);
    }
    wrong.push(...said.filter((one) => !one.startsWith("Modifier")));
  }
  const paid = rows.filter(({view}) => view.price.payment !== null);
  const work = paid.reduce((sum, {view, volume}) => sum + BigInt(view.row.work) * BigInt(volume), 0n);
  const payment = paid.reduce((sum, {view, volume}) => sum + view.price.payment * BigInt(volume), 0n);
  const unpaid = rows.filter(({view}) => view.price.payment === null);
  return [
    ...[...new Set(wrong)].map((one) => el("p", {class: "notice", role: "alert"}, one)),
    rows.length > 0 && el("p", {class: "large"}, el("data", {id: "sum", value: scaledText(payment, 2)}, dollars(payment))),
    rows.length > 0 && el("p", {class: "says"}, `${rvuText(work)} work RVUs and ${dollars(payment)} allowed for ${grouped(paid.reduce((sum, {volume}) => sum + volume, 0))} services of ${paid.length} lines with a price.`),
    unpaid.length > 0 && el("p", {class: "notice"}, `Without a price, and not in the sum of dollars: ${unpaid.map(({code, view}) => `${code} (${reasonText(view.price.reason)})`).join(" ")}`),
    rows.length > 0 && table("The list", [
      {name: "Code", cell: ({code, modifier}) => el("a", {href: addressOf({code, modifier, date: asked.date})}, code + (modifier && `-${modifier}`)), by: ({code}) => code},
      {name: "Volume", number: true, cell: ({volume}) => grouped(volume), by: ({volume}) => volume},
      {name: "Work RVU", number: true, cell: ({view}) => rvuText(view.row.work), by: ({view}) => view.row.work},
      {name: "Total RVU", number: true, cell: ({view}) => rvuText(totalOf(view.row, view.asked.setting)), by: ({view}) => totalOf(view.row, view.asked.setting)},
      {name: "Payment", number: true, cell: ({view}) => (view.price.payment === null ? "" : dollars(view.price.payment)), by: ({view}) => view.price.payment ?? -1n},
      {name: "Together", number: true, cell: ({view, volume}) => (view.price.payment === null ? "" : dollars(view.price.payment * BigInt(volume))), by: ({view, volume}) => (view.price.payment ?? -1n) * BigInt(volume)},
    ], rows),
  ].filter(Boolean);
}
