// Where a visit begins: what this site holds, by section and by release.
import {el} from "./dom.js";
import {facts, releases} from "./facts.js";
import {addressOf} from "./address.js";
import {sectionsOf} from "./population.js";
import {days} from "./words.js";

export async function homePage() {
  const newest = releases.at(-1);
  const sections = [...new Set(Object.values(await sectionsOf(newest)).flatMap(Object.keys))].sort();
  return {
    title: "Medicare Physician Fee Schedule",
    content: [
      el("header", {class: "head"}, el("h1", {}, "What Medicare pays for a service"),
        el("p", {class: "says"}, "Type a code above: what it pays on any day and in any locality, computed from CMS's own numbers and rounded once, with the file and line each one came from.")),
      el("p", {}, el("a", {href: "?list=1"}, "A list of codes with volumes"), " adds up work RVUs and payments; it stays in this browser."),
      el("p", {}, el("a", {href: "?rates=1"}, "Your rates as a percentage of Medicare"), ": a table of codes and rates, compared in this browser."),
      sections.length > 0 && el("h2", {}, `Sections of ${newest.label}`),
      sections.length > 0 && el("ul", {class: "plain-list in-columns"}, sections.map((section) => el("li", {}, el("a", {href: addressOf({section})}, section)))),
      el("h2", {}, `Version ${facts.version} holds ${releases.length === 1 ? "one release" : `${releases.length} releases`}`),
      el("ul", {class: "plain-list"}, [...releases].reverse().map((release) =>
        el("li", {}, el("a", {href: addressOf({release: release.label})}, release.label), ` ${days(release)}`, release.sample && " (a sample)"))),
    ],
  };
}
