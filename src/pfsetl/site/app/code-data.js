// One code as the data files have it: its rows by participant and modifier, and what each release says of them.
import {facts, releases} from "./facts.js";
import {load} from "./load.js";

export function prefixIn(index, code) {
  for (let length = code.length; length > 0; length--) {
    if (code.slice(0, length) in index) return code.slice(0, length);
  }
  return null;
}

// What is known of a code, null for one that no release of this site has.
export async function loadCode(code) {
  const prefix = prefixIn(facts.codes, code);
  if (prefix === null) return null;
  const file = await load(`data/codes/${prefix}.json`, facts.codes[prefix]);
  const found = Object.hasOwn(file.codes, code) ? file.codes[code] : null;
  if (!found) return null;
  const [section, subsection] = file.sections[found.s];
  return {code, section, subsection, text: found.t ?? "", gone: found.g ?? [], rows: found.rows, indicators: file.indicators};
}

export async function codesNear(code) {
  const prefix = prefixIn(facts.codes, code) ?? Object.keys(facts.codes).filter((one) => one[0] === code[0])[0];
  if (!prefix) return [];
  const every = Object.keys((await load(`data/codes/${prefix}.json`, facts.codes[prefix])).codes).sort();
  const at = every.findIndex((one) => one > code);
  return every.slice(Math.max(0, (at < 0 ? every.length : at) - 3)).slice(0, 6);
}

function lastBefore(changes, number) {
  let found = null;
  for (const [at, said] of changes) {
    if (at > number) break;
    found = said;
  }
  return found;
}

// A row of a release by participant and modifier, null where the release has none.
export function rowAt(known, line, modifier, number) {
  const row = known.rows[line]?.[modifier];
  const said = row && lastBefore(row.v, number);
  return said ? decoded(said, releases[number]) : null;
}

export function indicatorsAt(known, line, modifier, number) {
  const row = known.rows[line]?.[modifier];
  const at = row && lastBefore(row.i, number);
  return at === null || at === undefined ? null : known.indicators[at];
}

export function modifiersAt(known, line, number) {
  return Object.keys(known.rows[line] ?? {}).filter((one) => rowAt(known, line, one, number)).sort();
}

// The releases of this site that have a code at all.
export function releasesWith(known) {
  return releases.map((_, number) => number).filter((number) => Object.keys(known.rows).some((line) => modifiersAt(known, line, number).length));
}

function decoded([status, work, nonfacility, facility, mp, marks, reason, pricing, cap, flag, adjusted], release) {
  return {
    status, work, mp, pricing,
    pe: {nonfacility, facility},
    na: {nonfacility: Boolean(marks & 1), facility: Boolean(marks & 2)},
    unused: Boolean(marks & 4),
    reason: release.never ? "never_effective" : reason || null,
    cap: cap ? {work: cap[0], pe: {nonfacility: cap[1], facility: cap[2]}, mp: cap[3]} : null,
    flag: flag ?? 10000,
    adjustedWork: adjusted ?? null,
  };
}

export function totalOf(row, setting) {
  return row.work + row.pe[setting] + row.mp;
}
