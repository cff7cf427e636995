// What the page knows of its version before it knows a code: releases, days, factors, the law of a day.
export const facts = JSON.parse(document.getElementById("base").textContent);
export const releases = facts.releases;

export function within(day, first, last) {
  return (!first || first <= day) && (!last || day <= last);
}

export function releaseNumber(label) {
  return releases.findIndex((one) => one.label === label);
}

// Which release prices a day: its number, or why none of this site does.
export function releaseOn(day) {
  const declared = facts.calendar.find(([, first, last]) => within(day, first, last))?.[0];
  const own = releases.findIndex((one) => one.label === declared);
  if (own >= 0) return {number: own};
  const undeclared = releases.findLastIndex((one) => !one.never && one.days[0] && within(day, ...one.days));
  if (!declared && undeclared >= 0) return {number: undeclared};
  if (declared) return {number: null, label: declared, why: "absent"};
  return {number: null, why: day < facts.calendar[0][1] ? "early" : "late"};
}

export function daysHeld() {
  return facts.calendar.filter(([label]) => releaseNumber(label) >= 0);
}

export function spanOf(label) {
  const spans = facts.calendar.filter(([one]) => one === label);
  return spans.length ? [spans[0][1], spans[spans.length - 1][2]] : releases[releaseNumber(label)].days;
}

// Today where a release of this site prices it, else the last day that one does.
export function usualDay(today) {
  if (releaseOn(today).number !== null) return today;
  const before = daysHeld().filter(([, first]) => first <= today);
  return (before[before.length - 1] ?? daysHeld()[0] ?? ["", "", releases[releases.length - 1].days[1]])[2];
}

export function participantsOf(release) {
  const named = Object.keys(release.printed);
  return named.includes("all") ? ["all"] : named.sort((a, b) => (a === "non_qp" ? -1 : b === "non_qp" ? 1 : a < b ? -1 : 1));
}

// Whose rows go on those of everyone, from before there were two.
export function lineOf(participant) {
  return facts.continues[participant] ?? participant;
}

// The factor that was paid on a day, with how sure it is; what the release prints where nothing else is known.
export function factorOn(release, participant, day) {
  const paid = release.paid.find(([who, first, last]) => who === participant && within(day, first, last));
  return {factor: paid?.[3] ?? release.printed[participant], certainty: paid?.[4] ?? "as printed"};
}

export function floorOn(day) {
  return facts.floor.find(([first, last]) => within(day, first, last));
}

// What Medicare pays of what is allowed, or what sequestration takes off it, with the kind of code that has it as its own.
export function shareOn(rule, code, day, setting) {
  const [kind] = facts.coinsurance.find(
    ([, first, last, from, to]) => first <= code && code <= last && within(day, from, to),
  ) ?? [""];
  return facts.shares.find(
    ([name, , , from, to, of, , where]) => name === rule && within(day, from, to) && (of === "" || of === kind)
      && (where === null || where === setting),
  );
}
