// A row over the releases: the days that each one prices, with the factor paid then, and the price of these days.
import {facts, releases, participantsOf, lineOf} from "./facts.js";
import {rowAt, totalOf} from "./code-data.js";
import {load} from "./load.js";
import {loadPlaces, indicesOn} from "./places.js";
import {priceOf, NATION} from "./money.js";

// The participant of a release whose rows go on those that are asked for.
function whoOf(release, participant) {
  const there = participantsOf(release);
  return there.includes(participant) ? participant : there.find((one) => one === "all");
}

// Days in order: {release, number, first, last, factor, row, price}. Releases that price none of them come apart.
export async function pieces(view, asOf = "") {
  const {known, participant, asked} = view;
  const spans = asOf ? await asKnown(asOf) : facts.calendar;
  const found = [], idle = [];
  for (const [number, release] of releases.entries()) {
    const who = whoOf(release, participant);
    if (!who) continue;
    const row = rowAt(known, lineOf(who), asked.modifier, number);
    if (!row) continue;
    const place = await placeIn(release, asked.locality);
    const own = spans.filter(([label]) => label === release.label);
    const base = {release, number, row, who};
    if (!own.length && (release.never || facts.calendar.some(([label]) => label === release.label) === false)) {
      const factor = release.printed[who];
      idle.push({...base, first: release.quarter[0], last: release.quarter[1], factor, price: priceOf({...row, reason: null}, asked.setting, NATION, factor)});
    }
    for (const [, first, last] of own) {
      for (const [from, to, factor] of paidWithin(release, who, first, last)) {
        const indices = place ? indicesOn(place, from) : NATION;
        if (asked.locality && !place) continue;
        found.push({...base, first: from, last: to, factor, indices, price: priceOf(row, asked.setting, indices, factor)});
      }
    }
  }
  return {found: found.sort((a, b) => (a.first < b.first ? -1 : 1)), idle};
}

function paidWithin(release, who, first, last) {
  const paid = release.paid.filter(([name, from, to]) => name === who && from <= last && first <= to);
  const parts = paid.map(([, from, to, factor]) => [from > first ? from : first, to < last ? to : last, factor]);
  return parts.length ? parts : [[first, last, release.printed[who]]];
}

async function placeIn(release, locality) {
  return locality ? (await loadPlaces(release)).find((one) => one.key === locality) : null;
}

// Which release priced which days, as it was known on a day: a correction counts from when it was posted.
export async function asKnown(asOf) {
  const all = (await load("data/known.json", facts.known)).filter(([, , , , since]) => since <= asOf);
  const edges = [...new Set(all.flatMap(([, first, last, end]) => [first, dayAfter(last), dayAfter(end)]))].sort();
  const spans = [];
  edges.slice(0, -1).forEach((day, at) => {
    const label = pricing(all, day);
    const last = dayAfter(edges[at + 1], -1);
    const before = spans[spans.length - 1];
    if (!label) return;
    if (before && before[0] === label && dayAfter(before[2]) === day) before[2] = last;
    else spans.push([label, day, last]);
  });
  return spans;
}

function pricing(all, day) {
  let found = all.filter(([, first, last]) => first <= day && day <= last);
  // A recorded last day may be one that a later law set; before it, the release ran to its quarter's end.
  if (!found.length) found = all.filter(([, first, , end]) => first <= day && day <= end).slice(-1);
  const superseded = new Set(found.flatMap(([, , , , , before]) => before));
  return found.filter(([label]) => !superseded.has(label)).at(-1)?.[0];
}

export function dayAfter(day, days = 1) {
  const moved = new Date(`${day}T00:00:00Z`);
  moved.setUTCDate(moved.getUTCDate() + days);
  return moved.toISOString().slice(0, 10);
}

export function weight(piece, setting) {
  return totalOf(piece.row, setting);
}
