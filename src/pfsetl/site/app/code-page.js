// The page of one code.
import {el, part, whenSeen} from "./dom.js";
import {facts, releases, participantsOf, spanOf} from "./facts.js";
import {loadCode, codesNear, indicatorsAt, releasesWith, rowAt, totalOf} from "./code-data.js";
import {understood, viewOf, everywhere} from "./view.js";
import {controls, dayInput} from "./controls.js";
import {paid} from "./paid.js";
import {rvuBars, partBars, rvuTitle} from "./rvus.js";
import {localityParts, localitiesTitle} from "./localities.js";
import {days, memberText, SETTING_NAMES} from "./words.js";
import {withPlace} from "./zips.js";
import {addressOf, go} from "./address.js";
import {Trouble, loadMore} from "./load.js";

export async function codePage(wanted) {
  const {asked: written, said} = understood(wanted);
  const asked = await withPlace(written, said);
  const known = await loadCode(asked.code);
  if (!known) throw new Trouble(await unknown(asked.code));
  let view;
  try {
    view = await viewOf(known, asked, said);
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    return {title: asked.code, content: [head(known, null), el("p", {class: "notice", role: "alert"}, error.message), dayAlone(known, asked)]};
  }
  const change = (more) => go({...addressed(view.asked), ...more}, {});
  return {
    title: view.name,
    content: [
      head(known, view), said.map((text) => el("p", {class: "notice", role: "alert"}, text)),
      controls(view.asked, {places: view.places, participants: participantsOf(view.release), modifiers: view.modifiers}, change),
      part("What it pays", paid(view), inForce(view)),
      part(rvuTitle(view.row), rvuBars(view.row), componentBars(view)),
      localities(view, change),
      [["What it paid over the years", "history"], ["Why it changed", "why"], ["How it compares in its section", "compare"],
        ["Modifiers and what they pay", "modifiers"], ["Every indicator in words", "indicators"], ["Limits and related codes", "beside"], ["Where the numbers come from", "source"]]
        .map(([title, name]) => later(title, async () => (await loadMore())[name](view))),
    ],
  };
}

export function addressed({code, date, locality, setting, participant, modifier}) {
  return {code, date, locality, setting, participant: participant === "all" ? "" : participant, modifier};
}

async function unknown(code) {
  if (facts.only && code !== facts.only) return `This file holds ${facts.only} alone; the whole site has other codes.`;
  const near = /^[0-9A-Z]{5}$/.test(code) ? await codesNear(code) : [];
  const form = /^[0-9A-Z]{5}$/.test(code) ? "" : " Codes have five characters, like 99213 or G0101.";
  return `No release of this site has a code ${code || "without characters"}.${form}${near.length ? ` Near: ${near.join(", ")}.` : ""}`;
}

function head(known, view) {
  const row = view?.row;
  const section = [known.section && el("a", {href: addressOf({section: known.section})}, known.section), known.subsection && ` – ${known.subsection}`];
  return el("header", {class: "head"},
    el("h1", {}, known.code, view?.asked.modifier && el("span", {class: "modifier"}, ` ${view.asked.modifier}`)),
    known.text && el("p", {class: "text"}, known.text),
    el("p", {class: "quiet"}, section),
    row && el("p", {class: "status"}, el("b", {}, `Status ${row.status}`), `: ${facts.statuses[row.status] ?? "not in CMS's list"}`),
    view && el("ul", {class: "chips"}, chips(view).map((text) => el("li", {}, text))));
}

function chips({known, row, modifiers, line, number, asked}) {
  const indicators = indicatorsAt(known, line, asked.modifier, number);
  const period = indicators?.[1];
  const found = [];
  if (/^\d{3}$/.test(period)) found.push(`Global period ${Number(period)} days`);
  else if (period) found.push(`Global ${period}`);
  if (modifiers.includes("26") && modifiers.includes("TC")) found.push("Splits into 26 and TC");
  for (const setting of Object.keys(SETTING_NAMES)) if (row.na[setting]) found.push(`${SETTING_NAMES[setting]} NA`);
  if (row.cap) found.push("Under the imaging cap");
  if (facts.telehealth.includes(asked.code)) found.push("Telehealth");
  return found;
}

function inForce({release, asked, place}) {
  const sample = release.sample ? " This release is a sample: a part of CMS's." : "";
  const missing = release.missing.length ? ` Missing from CMS's archive: ${release.missing.map(memberText).join(", ")}.` : "";
  return el("p", {class: "quiet"}, el("a", {href: addressOf({release: release.label})}, release.label), `, ${days(release)}, prices ${asked.date}.${sample}${missing}`,
    place && [" ", el("a", {href: addressOf({place: place.key, date: asked.date})}, `More about ${place.name}`), "."]);
}

function componentBars({known, modifiers, line, number, asked}) {
  if (!modifiers.includes("") || !modifiers.includes("26") || !modifiers.includes("TC")) return null;
  const [whole, professional, technical] = ["", "26", "TC"].map((one) => rowAt(known, line, one, number));
  if (!totalOf(whole, asked.setting)) return null;
  return partBars(whole, [["professional part", professional, "26"], ["technical part", technical, "TC"]], asked.setting);
}

function localities(view, change) {
  if (view.price.payment === null || !view.places.length) return null;
  const all = everywhere(view);
  return part(localitiesTitle(all, view.national), localityParts(all, view.national, view.asked.locality, (locality) => change({locality})));
}

// A part whose data is loaded when the reader comes near it.
export function later(title, make) {
  const place = el("div", {class: "later"}, el("p", {class: "waiting quiet"}, "…", el("span", {class: "printed"}, " This part wasn't loaded yet. Print again.")));
  whenSeen(place, async () => {
    try {
      place.replaceChildren(await make());
    } catch (error) {
      place.replaceChildren(el("p", {class: "notice", role: "alert"}, error.message));
    }
  });
  return part(title, place);
}

// What is left to ask where a code has no row on the day: another day, or the last day that it was priced.
function dayAlone(known, asked) {
  const number = releasesWith(known).findLast((one) => spanOf(releases[one].label)[1]);
  const last = number === undefined ? "" : spanOf(releases[number].label)[1];
  return [
    last && last !== asked.date && el("p", {}, el("a", {href: addressOf({...addressed(asked), date: last})}, `What it paid on ${last}`)),
    el("form", {class: "controls", onsubmit: (event) => event.preventDefault()},
      el("label", {class: "field"}, el("span", {}, "Day of service"), dayInput(asked.date, (date) => go({...addressed(asked), date})))),
  ];
}
