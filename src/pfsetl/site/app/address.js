// The address holds what is asked, so that a page can be sent to somebody and the browser's back works.
import {alone} from "./load.js";

export function asked() {
  const text = (alone && location.hash.replace(/^#\??/, "")) || location.search;
  return Object.fromEntries([...new URLSearchParams(text)].map(([name, value]) => [name, value.trim()]));
}

export function addressOf(wanted) {
  const kept = Object.entries(wanted).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const text = kept.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value).replaceAll("%2F", "/")}`);
  return (alone ? "#?" : "?") + text.join("&");
}

export function go(wanted, {replace = false} = {}) {
  const address = addressOf(wanted);
  if (alone) {
    if (replace) location.replace(address);
    else location.hash = address;
    return;
  }
  history[replace ? "replaceState" : "pushState"](null, "", address);
  dispatchEvent(new PopStateEvent("popstate"));
}

export function onChange(show) {
  addEventListener(alone ? "hashchange" : "popstate", show);
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button || alone) return;
    const href = link.getAttribute("href");
    if (!href.startsWith("?")) return;
    event.preventDefault();
    history.pushState(null, "", href === "?" ? location.pathname : href);
    show();
    scrollTo(0, 0);
    document.getElementById("content").focus({preventScroll: true});
  });
}

// A code and its modifier as people write them together: 97761-26.
export function coded(text) {
  const [, code, modifier] = /^([0-9A-Z]{5})[\s.-]+([0-9A-Z]{2})$/.exec(text.trim().toUpperCase()) ?? [];
  return code ? {code, modifier} : {code: codeOf(text)};
}

// A code as people write it: in small letters, with spaces or dashes around.
export function codeOf(text) {
  return text.toUpperCase().replace(/[\s.-]/g, "");
}
