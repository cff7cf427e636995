// What is asked of a code, answered: the release of the day, its row, the place, and the price.
import {facts, releases, releaseNumber, releaseOn, usualDay, participantsOf, lineOf, factorOn, daysHeld} from "./facts.js";
import {rowAt, modifiersAt, releasesWith} from "./code-data.js";
import {loadPlaces, placeNamed, indicesOn} from "./places.js";
import {priceOf, NATION} from "./money.js";
import {Trouble} from "./load.js";
import {coded} from "./address.js";

export function today() {
  const now = new Date();
  return [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
}

// What the address asks, with what it leaves out, and what it says that can't be.
export function understood(wanted) {
  const said = [];
  let date = wanted.date ?? "";
  if (date && !isDay(date)) {
    said.push(`${date} isn't a day. Days are written like 2026-02-01.`);
    date = "";
  }
  let setting = (wanted.setting ?? "").toLowerCase();
  if (setting && setting !== "facility" && setting !== "nonfacility") {
    said.push(`Setting ${wanted.setting}: there are nonfacility and facility.`);
    setting = "";
  }
  return {
    asked: {
      ...coded(wanted.code ?? ""), date: date || usualDay(today()), locality: (wanted.locality ?? "").toUpperCase(),
      setting: setting || "nonfacility", participant: (wanted.participant ?? "").toLowerCase(), modifier: (wanted.modifier || coded(wanted.code ?? "").modifier || "").toUpperCase(),
    },
    said, given: {date: Boolean(date), setting: Boolean(setting)},
  };
}

function isDay(text) {
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)) && new Date(text).toISOString().startsWith(text);
}

// Which release prices the day, or what is said where none of this site does.
export function releaseFor(date) {
  const found = releaseOn(date);
  if (found.number !== null) return found;
  const held = daysHeld();
  const spans = held.map(([label, first, last]) => `${first} to ${last} by ${label}`);
  const shown = spans.length > 6 ? `${spans.slice(0, 2).join(", ")}, …, ${spans.slice(-3).join(", ")}` : spans.join(", ");
  const there = spans.length ? `This site has ${shown}.` : "No release of this site was in force.";
  if (found.why === "early") return {number: null, said: `${date} is before the first day that a known release prices, ${facts.calendar[0][1]}. ${there}`};
  if (found.why === "late") return {number: null, said: `No release is known yet that prices ${date}. ${there}`};
  return {number: null, said: `${found.label} prices ${date}, and this site doesn't hold it. ${there}`};
}

export function participantFor(release, wanted, said) {
  const there = participantsOf(release);
  if (there.includes(wanted)) return wanted;
  if (wanted && there[0] !== "all") said.push(`Participant ${wanted}: ${release.label} has ${there.join(" and ")}.`);
  if (wanted && there[0] === "all" && !Object.hasOwn(facts.participants, wanted)) said.push(`Participant ${wanted}: there are ${Object.keys(facts.participants).join(", ")}.`);
  return there[0];
}

export async function viewOf(known, asked, said) {
  const found = releaseFor(asked.date);
  if (found.number === null) throw new Trouble(found.said);
  const release = releases[found.number];
  const participant = participantFor(release, asked.participant, said);
  let line = lineOf(participant);
  let modifiers = modifiersAt(known, line, found.number);
  if (!modifiers.length) {
    // CMS lists codes without a price in the file of everyone else alone.
    const other = participantsOf(release).map(lineOf).find((one) => modifiersAt(known, one, found.number).length);
    if (!other) throw new Trouble(absent(known, found.number));
    line = other;
    modifiers = modifiersAt(known, line, found.number);
    const who = participantsOf(release).find((one) => lineOf(one) === other);
    if (rowAt(known, line, modifiers[0], found.number).reason === null) said.push(`${release.label} lists ${known.code} for ${who} alone; this is that price.`);
    return {...await answered(known, asked, said, found.number, who, line, modifiers), participant: who};
  }
  return answered(known, asked, said, found.number, participant, line, modifiers);
}

async function answered(known, asked, said, number, participant, line, modifiers) {
  const release = releases[number];
  let modifier = modifiers.includes(asked.modifier) ? asked.modifier : modifiers[0];
  if (asked.modifier && modifier !== asked.modifier) {
    said.push(`Modifier ${asked.modifier} has no row of its own for ${known.code} in ${release.label}. Its rows: ${modifiers.map((one) => one || "none").join(", ")}.`);
  }
  const places = await loadPlaces(release);
  const place = placeNamed(asked.locality, places);
  if (asked.locality && !place) said.push(noPlace(asked.locality, release, places));
  const row = rowAt(known, line, modifier, number);
  const factor = factorOn(release, participant, asked.date);
  const indices = place ? indicesOn(place, asked.date) : NATION;
  return {
    known, number, release, participant, line, modifiers, places, place, row, factor, indices,
    asked: {...asked, modifier, participant, locality: place?.key ?? ""},
    name: known.code + (modifier && ` with modifier ${modifier}`),
    price: priceOf(row, asked.setting, indices, factor.factor),
    national: priceOf(row, asked.setting, NATION, factor.factor),
  };
}

function noPlace(wanted, release, places) {
  const state = wanted.split("/")[0];
  const near = places.filter((one) => one.state === state).map((one) => `${one.key} ${one.name}`);
  const there = near.length ? `${state} has ${near.join(", ")}.` : `There is no state ${state}; localities are written like CA/18.`;
  return `${release.label} has no locality ${wanted}, so this is the national price. ${there}`;
}

function absent(known, number) {
  const has = releasesWith(known);
  const before = has.filter((one) => one < number).at(-1);
  const after = has.find((one) => one > number);
  const said = [];
  if (before !== undefined) said.push(`it was last in ${releases[before].label}`);
  if (after !== undefined) said.push(`${before === undefined ? "it begins" : "it's there again"} in ${releases[after].label}`);
  const part = releases[number].sample && has.some((one) => !releases[one].sample) ? " and is here as a sample: CMS's may have it" : "";
  return `${known.code} isn't in ${releases[number].label}, which prices this day${part}; of the releases of this site, ${said.join(" and ")}.${appeared(known, number)}`;
}

// What appeared in the subsection of a code with the release that first lacks it, nearest by number first.
function appeared(known, number) {
  const found = known.gone.findLast(([label]) => releaseNumber(label) <= number);
  if (!found) return "";
  const [label, codes, count] = found;
  return ` With ${label}, ${count === 1 ? "1 code" : `${count} codes`} of its subsection appeared: ${codes.replaceAll(" ", ", ")}${count > codes.split(" ").length ? " and others" : ""}.`;
}

// The price in every locality of the release.
export function everywhere(view) {
  return view.places.map((place) => {
    const indices = indicesOn(place, view.asked.date);
    return {place, indices, price: priceOf(view.row, view.asked.setting, indices, view.factor.factor)};
  });
}
