// Shows the page that the address asks for.
import {el} from "./dom.js";
import {facts} from "./facts.js";
import {asked, coded, codeOf, go, onChange} from "./address.js";
import {Trouble, alone, loadMore} from "./load.js";
import {codePage} from "./code-page.js";

const content = document.getElementById("content");
let turn = 0;

async function pageOf(wanted) {
  if (facts.only) return codePage({...wanted, code: wanted.with || wanted.code});
  if (wanted.code !== undefined && wanted.with === undefined) return codePage(wanted);
  const more = await loadMore();
  const pages = {with: "twoPage", q: "searchPage", section: "sectionPage", place: "placePage", release: "releasePage", list: "listPage", rates: "ratesPage"};
  const name = Object.keys(pages).find((one) => wanted[one]);
  return name ? more[pages[name]](wanted) : more.homePage();
}

async function show() {
  const mine = ++turn;
  const wanted = {...(facts.only && {code: facts.only}), ...asked()};
  const kept = document.activeElement?.id || document.activeElement?.name;
  let made;
  try {
    made = await pageOf(wanted);
  } catch (error) {
    const text = error instanceof Trouble ? error.message : `This page met an error of its own: ${error.message}. Please report it with the address.`;
    made = {title: "Not found", content: [el("h1", {}, wanted.code ? codeOf(wanted.code) : "Not here"), el("p", {class: "notice", role: "alert"}, text)]};
  }
  if (mine !== turn) return;
  document.title = `${made.title} – Medicare fee schedule`;
  content.replaceChildren(...[made.content].flat(9).filter(Boolean));
  content.removeAttribute("aria-busy");
  const again = kept && kept !== "find" && (document.getElementById(kept) ?? document.querySelector(`[name="${CSS.escape(kept)}"]:checked`));
  if (again) again.focus({preventScroll: true});
  document.documentElement.dataset.ready = String(turn);
  performance.mark("ready");
}

// In a file of one code, what leads elsewhere is text.
function withoutOthers(node) {
  for (const link of node.querySelectorAll('a[href^="#?"]')) {
    const leads = new URLSearchParams(link.getAttribute("href").slice(2));
    if (leads.get("code") !== facts.only || leads.has("with")) link.replaceWith(...link.childNodes);
  }
}

function footer() {
  document.getElementById("foot").append(
    el("p", {}, `Version ${facts.version} of the published tables, made by pfsetl ${facts.pfsetl}. Prices are what Medicare's fee schedule allows, before rules on several services of a day. Not legal or billing advice.`),
    el("p", {}, facts.licensed ? "Descriptions of CPT codes are copyright American Medical Association, of D codes the American Dental Association. They are shown under the licence of whoever made these pages, and not for the public."
      : "CPT codes are the American Medical Association's; no CPT description is shown here."));
}

document.querySelector(".find").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = document.getElementById("find").value.trim();
  const meant = coded(text);
  if (text) go(/^[0-9A-Z]{5}$/.test(meant.code) ? meant : {q: text});
});
if (alone) {
  document.querySelector(".find").remove();
  new MutationObserver(() => withoutOthers(content)).observe(content, {childList: true, subtree: true});
}
footer();
onChange(show);
show();
