// A reader's own rates beside Medicare's payment: percentages, by row and by payer. The rates stay in the browser.
import {el, part} from "./dom.js";
import {facts, releases, participantsOf, within} from "./facts.js";
import {load} from "./load.js";
import {loadCode} from "./code-data.js";
import {understood, viewOf, releaseFor} from "./view.js";
import {withPlace} from "./zips.js";
import {addressOf, coded, go} from "./address.js";
import {controls} from "./controls.js";
import {loadPlaces} from "./places.js";
import {dollars, grouped, plural, scaledText} from "./numbers.js";
import {halfUp} from "./money.js";
import {table} from "./table.js";
import {Trouble} from "./load.js";
import {reasonText, SETTING_NAMES} from "./words.js";

const MOST = 5000, BEYOND = "beyond", USED = ["hcpcs", "rate", "modifiers", "setting", "payer"], SEPARATORS = [",", "\t", ";", "|"], RATE = /^\$?(\d{1,3}(?:,\d{3})+|\d{1,9})(?:\.(\d{1,4}))?$/, ONE_COMMA = /^\$?\d{1,3},\d{3}$/;
let written = "";

export async function ratesPage(wanted) {
  const {asked: typed, said} = understood(wanted);
  const asked = await withPlace(typed, said);
  const found = releaseFor(asked.date);
  if (found.number === null) throw new Trouble(found.said);
  const release = releases[found.number];
  const names = (await load("data/words.json", facts.words)).rates;
  const result = el("div", {"aria-live": "polite"});
  const area = el("textarea", {id: "rates", rows: 8, spellcheck: "false", value: written, oninput: () => { written = area.value; }, placeholder: "code,rate,modifiers,pos,payer\n97761,52.00,,11,Example Health\n70450,98.10,26,22,Example Health"});
  const show = async () => result.replaceChildren(...await compared(area.value, asked, names));
  const file = el("input", {type: "file", id: "file", accept: ".csv,.txt", onchange: async () => { area.value = written = await file.files[0].text(); await show(); }});
  const change = (more) => { const {date, locality, setting, participant} = {...asked, ...more}; go({rates: "1", date, locality, setting, participant}); };
  if (written.trim()) await show();
  return {
    title: "Percent of Medicare",
    content: [
      el("header", {class: "head"}, el("h1", {}, "Your rates as a percentage of Medicare"),
        el("p", {class: "says"}, "A table with a heading: a code and a rate, and if you have them modifiers, setting or place of service, and payer. It's sent nowhere and kept nowhere: it's gone when you leave.")),
      said.map((text) => el("p", {class: "notice", role: "alert"}, text)),
      controls({...asked, participant: asked.participant || participantsOf(release)[0]}, {places: await loadPlaces(release), participants: participantsOf(release), modifiers: [""]}, change),
      el("form", {class: "lines", onsubmit: (event) => { event.preventDefault(); show(); }},
        el("label", {class: "field"}, el("span", {}, "Rates, as CSV"), area), el("label", {class: "field"}, el("span", {}, "or from a file"), file), el("button", {}, "Compare")),
      result,
      el("p", {class: "quiet"}, "Rules of several services, modifiers without rows of their own, payers' in-network files and hospitals' files are for 'pfsetl benchmark'."),
    ],
  };
}

// Rows of cells of a CSV, with the number of the line that each begins on; a cell in quotes may go over lines.
export function cellsOf(text) {
  const separator = separatorOf(text);
  const rows = [];
  let cells = [], cell = "", quoted = false, line = 1, begun = 1;
  for (let at = 0; at <= text.length; at++) {
    const letter = at < text.length ? text[at] : "\n";
    if (letter === "\n") line++;
    if (quoted && at < text.length) {
      if (letter !== '"') cell += letter;
      else if (text[at + 1] === '"') { cell += letter; at++; } else quoted = false;
    } else if (letter === '"' && !cell) quoted = true;
    else if (letter === separator || letter === "\n") {
      cells.push(cell.trim());
      cell = "";
      if (letter === "\n") {
        if (cells.some(Boolean)) rows.push([begun, cells]);
        [cells, quoted, begun] = [[], false, line];
      }
    } else cell += letter;
  }
  return rows;
}

function separatorOf(text) {
  const first = text.split("\n", 1)[0];
  return SEPARATORS.reduce((best, one) => (first.split(one).length > first.split(best).length ? one : best));
}

// The percentage in hundredths, rounded half up: a rate in ten-thousandths of a dollar beside cents.
export function percentOf(rate, cents) {
  return halfUp(rate * 200n, 2n * cents);
}

async function compared(text, asked, names) {
  const [heading, ...lines] = cellsOf(text.replace(/^\ufeff/, "").replaceAll("\r", ""));
  const meant = (name) => (Object.hasOwn(names.columns, name) ? names.columns[name] : "");
  const columns = (heading?.[1] ?? []).map((name) => meant(name.toLowerCase().replaceAll(/[ /]/g, "_")));
  const lacking = ["hcpcs", "rate"].filter((name) => !columns.includes(name));
  if (lacking.length) return [el("p", {class: "notice", role: "alert"}, `The heading has no ${lacking.map((name) => (name === "hcpcs" ? "code" : name)).join(" and no ")}. The first line names the columns, like code,rate,payer.`)];
  const unused = heading[1].filter((name, at) => name && !USED.includes(columns[at]));
  const rows = [];
  for (const [line, cells] of lines.slice(0, MOST)) rows.push(await rowOf(line, Object.groupBy(cells.map((cell, at) => [columns[at] ?? BEYOND, cell]), ([name]) => name), {...asked, semicolons: separatorOf(text) === ";"}, names));
  const long = lines.find(([, cells]) => cells.some((cell) => cell.includes("\n")));
  const with_ = rows.filter((row) => row.percent !== undefined);
  return [
    unused.length > 0 && el("p", {class: "notice"}, `Not used: the columns ${unused.join(", ")}.`),
    long && el("p", {class: "notice"}, `Line ${grouped(long[0])}: a cell goes over several lines. Is a quote missing, or one too many? What stands within its quotes isn't compared.`),
    lines.length > MOST && el("p", {class: "notice"}, `Only the first ${grouped(MOST)} of ${grouped(lines.length)} rows are compared.`),
    el("p", {class: "says"}, `${grouped(with_.length)} of ${plural(rows.length, "row")} have a percentage of Medicare${rows.length > with_.length ? "; the others say why not" : ""}.`),
    with_.length > 0 && part("By payer", byPayer(with_)),
    rows.length > 0 && part("Every row", table("Rates", [
      {name: "Code", cell: ({code, modifier}) => el("a", {href: addressOf({code, modifier, date: asked.date, locality: asked.locality})}, code + (modifier && `-${modifier}`)), by: ({code}) => code},
      {name: "Percent", number: true, cell: ({percent, why}) => (percent === undefined ? why : `${scaledText(percent, 2)}\u00a0%`), by: ({percent}) => percent ?? -1n},
      {name: "Rate", number: true, cell: ({rate, written}) => (rate === undefined ? written : `$${scaledText(rate, 4).replace(/0{1,2}$/, "")}`), by: ({rate}) => rate ?? -1n},
      {name: "Medicare", number: true, cell: ({medicare}) => (medicare === undefined ? "" : dollars(medicare)), by: ({medicare}) => medicare ?? -1n},
      {name: "Setting", cell: ({setting}) => SETTING_NAMES[setting] ?? ""},
      {name: "Payer", cell: ({payer}) => payer},
      {name: "Line", number: true, cell: ({line}) => grouped(line), by: ({line}) => line},
    ], rows, {sort: {at: 6, down: false}})),
  ].filter(Boolean);
}

async function rowOf(line, cells, asked, names) {
  const text = (name) => (cells[name] ?? []).map(([, cell]) => cell).filter(Boolean).join(" ");
  const {code, modifier: behind = ""} = coded(text("hcpcs"));
  const given = [...text("modifiers").toUpperCase().split(/[\s,]+/).filter(Boolean), ...(behind ? [behind] : [])];
  const row = {line, payer: text("payer"), code, modifier: given.join(" "), written: text("rate")};
  const place = text("setting").toLowerCase();
  row.setting = !place ? asked.setting : Object.hasOwn(SETTING_NAMES, place) ? place : names.places.find(([number, , from, to]) => number === place.padStart(2, "0") && within(asked.date, from, to))?.[1];
  const beyond = (cells[BEYOND] ?? []).filter(([, cell]) => cell);
  if (beyond.length) return {...row, why: "more cells than columns: put what holds a comma in quotes"};
  const over = USED.find((name) => text(name).includes("\n"));
  if (over) return {...row, payer: row.payer.split("\n", 1)[0], why: `${over} goes over several lines: is a quote missing, or one too many?`};
  const amount = RATE.exec(row.written);
  if (!amount) return {...row, why: "the rate isn't dollars"};
  if (asked.semicolons && ONE_COMMA.test(row.written)) return {...row, why: "the comma may part thousands or decimals in a file with semicolons: write the rate without it"};
  row.rate = BigInt(amount[1].replaceAll(",", "")) * 10000n + BigInt((amount[2] ?? "").padEnd(4, "0"));
  if (!row.rate) return {...row, why: "the rate is zero"};
  if (!row.setting) return {...row, why: `${place} is no setting, nor a place of service that tells one`};
  try {
    const known = await loadCode(code);
    if (!known) throw new Trouble("not a code of the physician schedule");
    const view = await viewOf(known, {...asked, code, modifier: row.modifier, setting: row.setting}, []);
    if (view.asked.modifier !== row.modifier) throw new Trouble(`${row.modifier || "the whole service"} isn't priced on this page`);
    if (!view.price.payment) throw new Trouble(view.price.payment === null ? reasonText(view.price.reason) : "Medicare's price is $0.00");
    return {...row, medicare: view.price.payment, percent: percentOf(row.rate, view.price.payment)};
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    return {...row, why: error.message};
  }
}

// Of each payer its different rates, a rate that is written twice once.
function byPayer(rows) {
  const each = Object.entries(Object.groupBy(rows, ({payer}) => payer)).map(([payer, own]) => {
    const different = new Map(own.map((row) => [[row.code, row.modifier, row.setting, row.rate].join(), row.percent]));
    const percents = [...different.values()].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    const middle = percents.length >> 1;
    const median = percents.length % 2 ? percents[middle] : halfUp(percents[middle - 1] + percents[middle], 2n);
    return {payer: payer || "not named", count: percents.length, least: percents[0], median, most: percents.at(-1)};
  });
  const number = (name, value) => ({name, number: true, cell: (one) => `${scaledText(value(one), 2)}\u00a0%`, by: value});
  return table("Percent of Medicare by payer", [
    {name: "Payer", cell: ({payer}) => payer}, {name: "Rates", number: true, cell: ({count}) => grouped(count), by: ({count}) => count},
    number("Least", (one) => one.least), number("Median", (one) => one.median), number("Most", (one) => one.most),
  ], each);
}
