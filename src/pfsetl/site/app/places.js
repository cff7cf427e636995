// Localities of a release, and the three indices that the law has there on a day.
import {floorOn} from "./facts.js";
import {load} from "./load.js";

export async function loadPlaces(release) {
  const [of, checksum] = release.places;
  const {places, counties} = await load(`data/places/${of}.json`, checksum);
  return places.map(([state, number, name, mac, work, pe, mp, without]) => ({
    key: `${state}/${number}`, state, number, name: nicely(name), mac, indices: [work, pe, mp], without,
    counties: nicely(counties[`${state}/${number}`] ?? ""),
  }));
}

// A locality as people name it: CA/18, CMS's contractor and number in one (0118218), or a county or name after the state.
export function placeNamed(wanted, places) {
  if (!wanted) return null;
  const [state, name = ""] = wanted.split("/");
  const word = name.trim().toLowerCase();
  const named = (one) => one.state === state && word.length > 2 && (one.name.toLowerCase().includes(word) || one.counties.toLowerCase().split(/[/;,]\s*| and /).some((county) => county.trim() === word));
  const found = places.filter(named);
  return places.find((one) => one.key === wanted || one.mac + one.number === wanted) ?? (found.length === 1 ? found[0] : null);
}

// Where CMS prints the work index with and without the floor, the law of the day says which one is paid.
export function indicesOn(place, day) {
  return place.without === null || floorOn(day) ? place.indices : [place.without, place.indices[1], place.indices[2]];
}

// CMS's capitals as a name: LOS ANGELES is Los Angeles; states and short words of two letters stay.
export function nicely(name) {
  if (name !== name.toUpperCase()) return name;
  return name.replace(/[A-Z][A-Z']*/g, (word, at) => {
    if (/^(OF|AND|THE|IN)$/.test(word)) return at ? word.toLowerCase() : word[0] + word.slice(1).toLowerCase();
    return word.length < 3 && !/^(ST|LA|EL|SO)$/.test(word) ? word : word[0] + word.slice(1).toLowerCase();
  });
}
