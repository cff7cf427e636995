// The codes of a section by their value on a measure, as `code_comparison` counts them.
import {facts} from "./facts.js";
import {load} from "./load.js";
import {halfUp} from "./money.js";
import {dollars, rvuText} from "./numbers.js";

export const MEASURES = {
  work_rvu: "Work RVU", nonfacility_total_rvu: "Non-facility total RVU", facility_total_rvu: "Facility total RVU",
  nonfacility_amount: "Non-facility amount", facility_amount: "Facility amount",
};
const MADE_OF = {nonfacility_amount: "nonfacility_total_rvu", facility_amount: "facility_total_rvu"};

// As in the middle of a sentence.
export function measureName(measure) {
  return MEASURES[measure][0].toLowerCase() + MEASURES[measure].slice(1);
}

export function measureText(measure, value) {
  return measure.endsWith("amount") ? dollars(value) : rvuText(value);
}

export async function sectionsOf(release) {
  return (await load(`data/releases/${release.label}.json`, release.file)).sections;
}

// All measures of a section: {measure: [[code, value], ...]} without codes that aren't counted.
export async function population(release, participant, section) {
  const [path, checksum] = (await sectionsOf(release))[participant]?.[section] ?? [];
  if (!path) return null;
  const file = await load(path, checksum);
  const codes = file.codes.match(/.{5}/g) ?? [];
  const factor = BigInt(release.printed[participant]);
  const kept = (measure) => {
    const other = measure.startsWith("facility") && file[`non${measure}`];
    return other ? file[measure]?.map((value, at) => (value === 0 ? other[at] : value)) : file[measure];
  };
  const values = (measure) => kept(measure) ?? (MADE_OF[measure] && kept(MADE_OF[measure])?.map((value) => value && Number(halfUp(BigInt(value) * factor, 10000n))));
  return Object.fromEntries(Object.keys(MEASURES).map((measure) => [measure,
    (values(measure) ?? []).map((value, at) => [codes[at], value]).filter(([, value]) => value !== null && value !== undefined)]));
}

// Where a code stands among the others: the figures of `code_comparison` and `section_stats`.
export function standing(pairs, code) {
  const values = pairs.map(([, value]) => value).sort((a, b) => a - b);
  const mine = pairs.find(([one]) => one === code)?.[1];
  const middle = (values.length - 1) / 2;
  const median = (values[Math.floor(middle)] + values[Math.ceil(middle)]) / 2;
  const max = values.at(-1);
  const highest = pairs.filter(([, value]) => value === max).map(([one]) => one).sort()[0];
  if (mine === undefined) return {values, median, max, highest, n: values.length, value: null};
  return {
    values, median, max, highest, n: values.length, value: mine,
    rank: 1 + values.filter((value) => value > mine).length,
    percentile: (100 * values.filter((value) => value <= mine).length) / values.length,
  };
}

export function participantWith(sections, participant, section) {
  return sections[participant]?.[section] ? participant : Object.keys(sections).find((one) => sections[one][section]) ?? facts.participants[0];
}
