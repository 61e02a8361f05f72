// Runs once for each part of the browse and compare tabs; "element" is the part.
const view = () => document.querySelector("#rule-view");
const tree = () => document.querySelector("#rule-tree");
const wide = () => window.matchMedia("(min-width: 900px)").matches;
const say = (key) => window.xiangui.say(key);
const query = (href) => new URL(href, location.href).search;

// Links to places are followed without leaving the page; with a modifier key they are ordinary links.
element.addEventListener("click", (event) => {
  const copy = event.target.closest("[data-link]");
  if (copy) copy.dataset.copy = new URL(copy.dataset.copy, location.href).href;
  const back = event.target.closest(".back button");
  if (back) return tree() && tree().scrollIntoView({ block: "start" });
  const anchor = event.target.closest("a[href^='?county=']");
  if (!anchor || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  visit(query(anchor.getAttribute("href")), true);
});

const visit = (search, remember) => {
  if (remember && search !== location.search) { window.xiangui?.leave?.(); history.pushState({ rule: true }, "", search); }
  trigger("visit", { query: search });
};

const loading = new WeakMap(); // a rule is fetched once, whoever opens it
const load = (rule) => {
  if (!loading.has(rule)) loading.set(rule, fetchInto(rule));
  return loading.get(rule);
};

const fetchInto = async (rule) => {
  const inside = rule.querySelector(".inside");
  inside.textContent = say("opening");
  try {
    inside.innerHTML = await server.open_rule(rule.dataset.regulation);
  } catch {
    inside.textContent = say("opening_failed");
    loading.delete(rule);
  }
};

const follow = async () => {
  // Shows in the tree what the view shows.
  const opened = view() && view().querySelector(".opened");
  if (!opened) return;
  document.querySelectorAll("#rule-left a[aria-current]").forEach((a) => a.removeAttribute("aria-current"));
  const rule = [...element.querySelectorAll(".rule")].find((r) => r.dataset.regulation === opened.dataset.regulation);
  if (!rule) return;
  rule.open = true;
  await load(rule);
  const anchor = [...rule.querySelectorAll("a")].find((a) => a.getAttribute("href") === opened.dataset.place);
  if (!anchor) return;
  anchor.setAttribute("aria-current", "true");
  const chapter = anchor.closest(".chapter");
  if (chapter) chapter.open = true;
  const box = element.querySelector(".tree");
  box.scrollTop += anchor.getBoundingClientRect().top - box.getBoundingClientRect().top - box.clientHeight / 3;
};

const reveal = () => {
  const opened = element.querySelector(".opened");
  if (!opened) return;
  const at = new URLSearchParams(location.search).get("at");
  const one = at && opened.querySelector(`[data-article="${CSS.escape(at)}"]`);
  const aim = one || opened.querySelector(".target") || opened.querySelector("mark") || opened;
  opened.focus({ preventScroll: true });
  if (aim === opened) { if (wide()) opened.scrollTop = 0; else element.scrollIntoView({ block: "start" }); }
  else aim.scrollIntoView({ block: "center" });
  window.dispatchEvent(new Event("rule-shown"));
};

if (element.closest("#rule-tree")) {
  element.addEventListener("toggle", (event) => {
    if (event.target.matches(".rule") && event.target.open) load(event.target);
  }, true);
  window.addEventListener("rule-shown", follow);
  follow();
}
if (element.closest("#rule-view")) {
  element.addEventListener("change", (event) => {
    if (!event.target.matches(".jump") || !event.target.value) return;
    const one = element.querySelector(`[data-article="${CSS.escape(event.target.value)}"]`);
    if (one) { one.scrollIntoView({ block: "start" }); one.querySelector("a").focus({ preventScroll: true }); }
  });
  window.addEventListener("popstate", () => {
    if (location.search.startsWith("?county=")) visit(location.search, false);
  });
  watch("value", reveal);
  if (element.querySelector(".opened")) reveal();
}
