// The locality of a ZIP code on a day, by CMS's ZIP files that the site was made with.
import {facts} from "./facts.js";
import {load} from "./load.js";

const ZIP = /^(\d{5})(-?\d{4})?$/;

// What is asked with its ZIP code, if it has one, replaced by the locality, and what is said of that.
export async function withPlace(asked, said) {
  const code = ZIP.exec(asked.locality)?.[1];
  if (!code) return asked;
  const [place, told] = await placeOf(code, asked.date);
  said.push(told);
  return {...asked, locality: place};
}

async function placeOf(code, day) {
  const name = `ZIP code ${code}`;
  if (!facts.zips.length) return ["", `${name}: this page was made without a ZIP file of CMS's, so this is the national price. Choose the locality.`];
  const file = facts.zips.findLast((one) => one.from <= day);
  if (!file) return ["", `${name}: the first ZIP file that this page was made with holds from ${facts.zips[0].from}, so this is the national price. Choose the locality of ${day}.`];
  const checksum = file.files[code[0]];
  const {places, split} = checksum ? await load(`data/zips/${file.from}-${code[0]}.json`, checksum) : {places: {}, split: ""};
  const place = Object.keys(places).find((one) => has(places[one], code));
  if (!place) return ["", `${name}: not in ${file.name}${file.sample ? ", of which a part is loaded" : ""}, so this is the national price. Choose the locality.`];
  return [place, `${name} is in ${place}, by ${file.name}.${has(split, code) ? " It lies in several localities: its last four digits decide, and aren't used." : ""}`];
}

function has(codes, code) {
  for (let at = 0; at < codes.length; at += 5) if (codes.startsWith(code, at)) return true;
  return false;
}
