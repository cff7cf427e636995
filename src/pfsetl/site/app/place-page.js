// One locality: its indices beside all others, over the releases, and the counties in it.
import {el, part, svg, chart, chartWidth} from "./dom.js";
import {releases, facts, floorOn, spanOf} from "./facts.js";
import {load} from "./load.js";
import {addressOf, go} from "./address.js";
import {loadPlaces, indicesOn} from "./places.js";
import {understood, releaseFor} from "./view.js";
import {scaledText, ordinal} from "./numbers.js";
import {placeSelect} from "./controls.js";
import {table} from "./table.js";
import {days, whoText} from "./words.js";
import {Trouble} from "./load.js";

const NAMES = ["Work", "Practice expense", "Malpractice"];

export async function placePage(wanted) {
  const {asked} = understood(wanted);
  const found = releaseFor(asked.date);
  if (found.number === null) throw new Trouble(found.said);
  const release = releases[found.number];
  const places = await loadPlaces(release);
  const key = wanted.place.toUpperCase();
  const place = places.find((one) => one.key === key);
  if (!place) {
    const near = places.filter((one) => one.state === key.slice(0, 2)).map((one) => `${one.key} ${one.name}`);
    throw new Trouble(`${release.label} has no locality ${wanted.place}. ${near.length ? `There are ${near.join(", ")}.` : "Localities are written like CA/18."}`);
  }
  const indices = indicesOn(place, asked.date);
  const told = await load(`data/releases/${release.label}.json`, release.file);
  const anesthesia = Object.entries(told.anesthesia).filter(([, by]) => by[place.key]).map(([who, by]) => `${who === "all" ? "" : `${whoText(who)}: `}$${scaledText(by[place.key], 4)}`);
  return {
    title: `${place.key} ${place.name}`,
    content: [
      el("header", {class: "head"}, el("h1", {}, place.name), el("p", {class: "says"}, `Locality ${place.key} in ${facts.states[place.state] ?? place.state}, contractor ${place.mac}.`),
        el("p", {class: "quiet"}, el("a", {href: addressOf({release: release.label})}, release.label), `, ${days(release)}.`)),
      el("form", {class: "controls", onsubmit: (event) => event.preventDefault()},
        el("label", {class: "field"}, el("span", {}, "Locality"), placeSelect(place.key, places, (one) => one && go({place: one, date: wanted.date})))),
      part(title(indices, places, asked.date), indices.map((value, at) => strip(NAMES[at], value, places.map((one) => indicesOn(one, asked.date)[at]))),
        place.without !== null && place.without !== place.indices[0] && el("p", {class: "quiet"}, `CMS prints the work index as ${scaledText(place.indices[0], 3)} with the floor and ${scaledText(place.without, 3)} without; on ${asked.date} the law has ${floorOn(asked.date) ? `the floor (${floorOn(asked.date)[3]})` : "no floor"}.`),
        anesthesia.length > 0 && el("p", {}, `A unit of anesthesia: ${anesthesia.join(", ")}.`)),
      part("Its counties", el("p", {}, place.counties || "CMS's archive doesn't list them.")),
      part("Its indices over the releases", await overReleases(place.key)),
    ],
  };
}

function title(indices, places, day) {
  const pe = places.map((one) => indicesOn(one, day)[1]);
  const rank = 1 + pe.filter((value) => value > indices[1]).length;
  return `Its practice expense index is ${rank === 1 ? "the highest" : `the ${ordinal(rank)} highest`} of ${places.length}`;
}

function strip(name, mine, all) {
  const width = chartWidth();
  const [low, high] = [Math.min(...all, 1000), Math.max(...all, 1000)];
  const x = (value) => 8 + ((value - low) / (high - low || 1)) * (width - 16);
  return el("div", {}, el("h3", {}, `${name} ${scaledText(mine, 3)}`),
    chart(width, 44, `${name} index ${scaledText(mine, 3)}, of all localities ${scaledText(low, 3)} to ${scaledText(high, 3)}`,
      svg("line", {x1: x(1000), x2: x(1000), y1: 2, y2: 24, class: "mark-line"}),
      all.map((value) => svg("circle", {cx: x(value).toFixed(1), cy: 13, r: 3.2, class: "dot faint"})),
      svg("circle", {cx: x(mine).toFixed(1), cy: 13, r: 7, class: "dot chosen"}),
      svg("text", {x: 0, y: 40, class: "axis"}, scaledText(low, 3)), svg("text", {x: width, y: 40, class: "axis end"}, scaledText(high, 3)),
      Math.abs(x(1000) - width / 2) < width / 2 - 60 && svg("text", {x: x(1000), y: 40, class: "axis middle"}, "1.000")));
}

async function overReleases(key) {
  const rows = [];
  for (const release of releases) {
    const place = (await loadPlaces(release)).find((one) => one.key === key);
    if (place) rows.push({release, place, from: spanOf(release.label)[0] || release.quarter[0]});
  }
  const columns = [
    {name: "From", cell: ({from}) => from}, {name: "Release", cell: ({release}) => release.label}, {name: "Name", cell: ({place}) => place.name},
    ...NAMES.map((name, at) => ({name, number: true, cell: ({place}) => scaledText(place.indices[at], 3), by: ({place}) => place.indices[at]})),
    {name: "Work without floor", number: true, cell: ({place}) => (place.without === null ? "" : scaledText(place.without, 3)), by: ({place}) => place.without ?? -1},
  ];
  return table("Indices over the releases", columns, rows, {sort: {at: 0, down: true}});
}
