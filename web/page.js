() => {
  // One listener of each kind on the document: Gradio rewrites the conversation as the answer grows.
  const root = document.documentElement;
  const $ = (selector, within = document) => within.querySelector(selector);
  const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];
  const LIMIT = 10000;
  const narrow = window.matchMedia("(max-width: 899px)");
  const texts = JSON.parse($("#texts").dataset.texts);
  const keep = {
    get: (name) => { try { return localStorage.getItem("xiangui." + name); } catch { return null; } },
    set: (name, value) => { try { localStorage.setItem("xiangui." + name, value); } catch { /* private window */ } },
  };

  // language ----------------------------------------------------------------------------------
  let language = keep.get("language") === "en" ? "en" : "zh-CN";
  const say = (key, given = {}) =>
    texts[key][language === "en" ? 1 : 0].replace(/\{(\w+)\}/g, (whole, name) => given[name] ?? whole);
  const FIELDS = [
    ["#question label > span", "question"], ["#county [data-testid=block-info]", "county"], ["#role [data-testid=block-info]", "role"],
    ["#send", "send"], ["#stop", "stop"], ["#fresh", "fresh"], ["#chat-button", "tab_chat"], ["#browse-button", "tab_browse"], ["#compare-tab-button", "tab_compare"], ["#batch-button", "tab_batch"],
  ];
  const NAMED = [["#county input", "county"], ["#role input", "role"], [".overflow-menu > button", "more_tabs"], [".sidebar .toggle-button", "close"],
    ["#kept-words input, #kept-words textarea", "kept_search"], ["#batch-upload .upload-container", "upload_name"], ["#batch-upload input[type=file]", "batch_table"]];
  // Gradio's own fields and buttons in the other tabs, whose texts are found by what they are.
  const FORMS = ["[data-testid=block-info]", "[data-testid=block-label]", "[data-testid=upload-text]", "[data-testid=upload-text] .or", "label > span", ".info-text", "button.lg"]
    .map((part) => `:is(#rules, #compare, #batch) ${part}`).join(", ");
  const words = new Map(["words", "words_info", "range", "find", "topic", "topic_info", "counties", "compare", "compare_lay", "left", "right", "shown", "shown_all", "shown_figures",
    "shown_alone", "batch_table", "batch_form", "batch_xlsx", "batch_jsonl", "batch_start", "batch_answers", "stop", "upload_drop", "upload_or", "upload_click"]
    .flatMap((key) => texts[key].map((text) => [text, key])));
  const put = (element, text) => { if (element && element.textContent !== text) element.textContent = text; };
  const set = (element, name, value) => { if (element && element.getAttribute(name) !== value) element.setAttribute(name, value); };
  const translate = () => {
    $("#theme span").dataset.t = dark() ? "light" : "dark";
    for (const e of $$("[data-t]")) put(e, say(e.dataset.t, e.dataset.v && JSON.parse(e.dataset.v)));
    for (const e of $$("[data-t-aria-label]")) {
      set(e, "aria-label", say(e.getAttribute("data-t-aria-label"), e.dataset.v && JSON.parse(e.dataset.v)));
    }
    for (const e of $$(FORMS)) {
      for (const text of e.childNodes) {
        const key = text.nodeType === 3 && words.get(text.data.trim());
        if (key && text.data.trim() !== say(key)) text.data = text.data.replace(text.data.trim(), () => say(key));
      }
    }
    for (const e of $$("[data-en]")) {
      e.dataset.zh ??= e.textContent;
      put(e, language === "en" ? e.dataset.en : e.dataset.zh);
    }
    for (const [selector, key] of FIELDS) {
      const element = $(selector);
      const text = element && [...element.childNodes].find((n) => n.nodeType === 3 && n.data.trim());
      if (text && text.data.trim() !== say(key)) text.data = say(key);
    }
    set($("#question textarea"), "placeholder", say("placeholder"));
    set($("#kept-words input, #kept-words textarea"), "placeholder", say("kept_search"));
    set($("#rule-words input, #rule-words textarea"), "placeholder", say("words_example"));
    set($("#history"), "aria-expanded", String(Boolean($(".sidebar.open"))));
    for (const [selector, key] of NAMED) set($(selector), "aria-label", say(key));
    // What stands for no choice; the counties and roles themselves are names.
    for (const [fields, key] of [["#county, #role", "any"], ["#rule-county", "everywhere"]]) {
      for (const e of $$(`:is(${fields}) input`)) if (texts[key].includes(e.value) && e.value !== say(key)) e.value = say(key);
      for (const e of $$(`:is(${fields}) [role=option]`)) {
        const text = [...e.childNodes].find((n) => n.nodeType === 3 && texts[key].includes(n.data.trim()));
        if (text && text.data.trim() !== say(key)) { text.data = say(key); e.ariaLabel = say(key); }
      }
    }
    if (root.lang !== language) root.lang = language;
    if (document.title !== say("name")) document.title = say("name");
  };

  // places in the rules, opened in their tab: the way back leads to where the reader was -------------
  const leave = () => window.history.replaceState({ tab: $("#tabs [role=tab][aria-selected=true]")?.id, y: window.scrollY }, "");
  const visit = (anchor, event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    const { search } = new URL(anchor.getAttribute("href"), location.href);
    leave();
    $("#sheet").close();
    window.history.pushState({ rule: true }, "", search);
    window.xiangui.emit("visit", { query: search });
  };
  window.addEventListener("popstate", ({ state }) => {
    if (!state?.tab || location.search.startsWith("?county=")) return;
    document.getElementById(state.tab)?.click();
    requestAnimationFrame(() => requestAnimationFrame(() => window.scrollTo(0, state.y)));
  });

  window.xiangui = Object.assign(window.xiangui ?? {}, { say, leave });

  // light and dark ----------------------------------------------------------------------------
  const dark = () => document.body.classList.contains("dark");
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const paper = window.matchMedia("print");
  const paint = () => {
    const wanted = paper.matches ? "light" : keep.get("theme") ?? (system.matches ? "dark" : "light");
    document.body.classList.toggle("dark", wanted === "dark");
    root.style.colorScheme = wanted;
    translate();
  };

  // asking ------------------------------------------------------------------------------------
  const field = () => $("#question textarea");
  const tell = (text, kind = "") => { put($("#status"), text); $("#status").className = kind; };
  const isBusy = () => root.dataset.busy === "true";
  const busy = (running) => {
    root.dataset.busy = String(running);
    if (running) tell(say("running"), "running");
  };
  let editing = null;
  const edit = (turn, question) => {
    editing = turn;
    $("#editing").hidden = turn === null;
    if (turn === null) return;
    const later = $$("#conversation .turn").length - turn - 1;
    put($("#editing-text"), say(later ? "editing" : "editing_last", { n: turn + 1, later }));
    write(question);
    field().focus();
  };
  const write = (text) => {
    field().value = text;
    field().dispatchEvent(new Event("input", { bubbles: true }));
  };
  // Says why a question cannot be asked now; "" if it can.
  const fault = (question) => {
    const count = [...question].length;
    if (isBusy()) return say("wait");
    if (!question.trim()) return say("empty");
    return count > LIMIT ? say("too_long", { count, limit: LIMIT }) : "";
  };
  let begun = 0;
  const begin = () => { busy(true); fresh = true; begun += 1; };
  // Whatever became of the answer, the reader can go on.
  const stop = () => {
    const stopped = begun;
    fresh = false;
    setTimeout(() => { if (isBusy() && begun === stopped) { busy(false); tell(""); } }, 3000);
  };
  const emit = (given) => {
    const wrong = fault(given.question);
    if (wrong) return tell(wrong, "wrong");
    begin();
    window.xiangui.emit("submit", given);
  };
  const send = (event) => {
    const question = field().value;
    const wrong = fault(question);
    if (wrong || editing !== null) event.stopImmediatePropagation();
    if (wrong) { tell(wrong, "wrong"); field().focus(); return; }
    if (editing === null) return begin();
    emit({ question, turn: editing });
    write("");
    edit(null);
  };

  // the newest question stays in view, and nothing moves while its answer grows ------------------
  let fresh = false; // a question was asked, and is not on the page yet
  let seen = 0;
  let newest = ""; // the first source of the newest answer, shown beside it without being asked for
  const follow = () => {
    const turns = $$("#conversation .turn");
    const last = turns.at(-1);
    const running = $("#conversation .turns")?.dataset.running === "true";
    if (fresh && last && (running || turns.length !== seen)) {
      fresh = false;
      last.scrollIntoView({ block: "start", behavior: "instant" });
    }
    if (isBusy() && !running && !fresh) {
      busy(false);
      const count = $$("ol.sources > li", last ?? document.createElement("p")).length;
      tell(!last ? "" : last.matches(":has(.stopped, .error)") ? $(".stopped, .error", last).textContent
        : count ? say("done", { count }) : say("done_refused"), "over");
    }
    const first = last?.matches(":has(.foot)") && ($("ol.sources .cite", last) ?? $(".refusal .cite", last));
    if (first && !narrow.matches && newest !== turns.length + first.dataset.label) {
      newest = turns.length + first.dataset.label;
      show(first, false);
    }
    if (turns.length < seen && !turns.length) rest();
    seen = turns.length;
  };

  // the source pane -----------------------------------------------------------------------------
  const collection = $("#source .pane").innerHTML;
  let shown = null; // the element that a source was opened from
  const rest = () => { $("#source .pane").innerHTML = collection; $("#source .steps").hidden = true; put($("#source .of"), ""); shown = null; newest = ""; };
  const show = (button, asked) => {
    shown = button;
    open(button.dataset.source, asked);
  };
  const open = (id, asked) => {
    const source = document.getElementById(id);
    if (!source) return;
    const home = narrow.matches ? $("#sheet") : $("#source aside");
    const pane = $(".pane", home);
    pane.innerHTML = source.innerHTML;
    for (const near of $$("[data-near]", pane)) near.innerHTML = document.getElementById(near.dataset.near)?.innerHTML ?? "";
    const all = $$(`#conversation .source[data-of="${source.dataset.of}"]`);
    const at = all.indexOf(source);
    $(".steps", home).hidden = all.length < 2;
    put($(".of", home), $(".document", pane)?.dataset.county ?? "");
    Object.assign($(".position", home).dataset, { t: "position", v: JSON.stringify({ n: at + 1, count: all.length }) });
    for (const step of $$("[data-step]", home)) {
      const other = all[at + Number(step.dataset.step)];
      step.disabled = !other;
      step.dataset.to = other?.id ?? "";
    }
    for (const b of $$("#conversation .cite[aria-current]")) b.removeAttribute("aria-current");
    for (const b of $$(`#conversation .cite[data-source="${id}"]`)) b.setAttribute("aria-current", "true");
    translate();
    if (narrow.matches && !$("#sheet").open) $("#sheet").showModal();
    reveal(pane);
    if (asked && narrow.matches) pane.focus({ preventScroll: true });
  };
  // From the document's title where the quote is seen with it; else from the article's name and, below it, a whole line.
  const reveal = (pane) => {
    pane.scrollTop = 0;
    const top = pane.getBoundingClientRect().top;
    const mark = $("mark", pane)?.getBoundingClientRect();
    if (!mark || mark.bottom <= top + pane.clientHeight) return;
    const name = $("h3", pane).getBoundingClientRect();
    const lines = $$(".text p", pane).flatMap((p) => {
      const { top: start, height } = p.getBoundingClientRect();
      const { lineHeight, paddingTop } = getComputedStyle(p);
      const step = parseFloat(lineHeight);
      return Array.from({ length: Math.round(height / step) }, (_, n) => start + parseFloat(paddingTop) + n * step);
    });
    const most = Math.min(mark.top - 50 - name.height - top, pane.scrollHeight - pane.clientHeight);
    const below = lines.map((line) => line - name.height - top).findLast((offset) => offset <= most);
    pane.scrollTop = Math.max(name.top - top, below ?? 0);
  };
  $("#sheet").addEventListener("close", () => {
    const back = shown && (document.contains(shown) ? shown : $(`[data-source="${shown.dataset.source}"]`));
    back?.focus();
  });
  narrow.addEventListener("change", () => $("#sheet").close());

  // the tooltip of a citation ---------------------------------------------------------------------
  const tip = $("#tip");
  const hint = (button) => {
    tip.replaceChildren(...[["strong", button.dataset.label], ["span", button.dataset.quote ?? ""]].map(([tag, text]) => {
      const part = document.createElement(tag);
      part.textContent = text;
      return part;
    }));
    tip.hidden = false;
    tip.lang = "zh-CN";
    button.setAttribute("aria-describedby", "tip");
    const at = button.getBoundingClientRect();
    const size = tip.getBoundingClientRect();
    const above = at.top > size.height + 12;
    tip.style.left = Math.max(8, Math.min(at.left, window.innerWidth - size.width - 8)) + "px";
    tip.style.top = (above ? at.top - size.height - 8 : at.bottom + 8) + "px";
  };
  const unhint = () => { tip.hidden = true; };
  const cited = (event) => event.target.closest?.(".cite.mark-number");
  for (const name of ["mouseover", "focusin"]) document.addEventListener(name, (e) => { if (cited(e)) hint(cited(e)); });
  for (const name of ["mouseout", "focusout", "click"]) document.addEventListener(name, (e) => { if (cited(e)) unhint(); });
  window.addEventListener("scroll", unhint, { passive: true });

  // copying -----------------------------------------------------------------------------------------
  const copy = async (button) => {
    const text = button.dataset.copy;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Browsers give the clipboard to https and to this machine only; a LAN address needs the old way.
      const area = document.createElement("textarea");
      area.value = text;
      (button.closest("dialog") ?? document.body).appendChild(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    const name = $("[data-t]", button);
    if (!name) {
      const text = button.textContent;
      button.textContent = say("copied");
      setTimeout(() => { button.textContent = text; }, 1500);
      return;
    }
    const key = name.dataset.t;
    name.dataset.t = "copied";
    translate();
    setTimeout(() => { name.dataset.t = key; translate(); }, 1500);
  };

  // feedback ----------------------------------------------------------------------------------------
  const vote = (button) => {
    const group = button.closest("[data-of]");
    const turn = Number(group.dataset.of);
    const [votes, reasons] = $$(`#conversation [data-of="${turn}"]:is(.votes, .reasons)`);
    if (button.dataset.vote === "ask") {
      reasons.hidden = !reasons.hidden;
      button.setAttribute("aria-expanded", String(!reasons.hidden));
      return;
    }
    window.xiangui.emit("like", { turn, vote: button.dataset.vote, reason: button.dataset.reason ?? null });
    reasons.hidden = true;
    for (const b of $$("[data-vote]", votes)) b.setAttribute("aria-pressed", String((b.dataset.vote === "up") === (button.dataset.vote === "up")));
    tell(say("thanks"), "over");
  };

  // the kept conversations --------------------------------------------------------------------------
  const history = (wanted) => {
    const sidebar = $(".sidebar");
    if (sidebar && sidebar.classList.contains("open") !== wanted) $(".toggle-button", sidebar).click();
  };
  // Another conversation takes the place of this one.
  const turnAway = () => { if (editing !== null) write(""); edit(null); fresh = false; busy(false); tell(""); };

  // what is clicked and typed -------------------------------------------------------------------------
  const note = (visible) => { $("#note").hidden = !visible; set($("#about"), "aria-expanded", String(visible)); };
  const CLICKS = [
    [".skip", (e, event) => { event.preventDefault(); field().focus(); }],
    [".cite[data-source]", (e) => show(e, true)],
    ["[data-step]", (e) => { if (e.dataset.to) open(e.dataset.to, false); }],
    ["[data-close]", () => $("#sheet").close()],
    ["a[href^='?county=']", visit],
    [".copy[data-copy]", copy],
    ["[data-ask]", (e) => emit({ question: e.dataset.ask, county: e.dataset.county })],
    ["[data-edit]", (e) => edit(Number(e.dataset.edit), e.dataset.question)],
    ["#editing-cancel", () => { edit(null); write(""); field().focus(); }],
    ["[data-undo]", (e) => window.xiangui.emit("undo", { turn: Number(e.dataset.undo) })],
    ["[data-vote]", vote],
    ["#language", () => { language = language === "en" ? "zh-CN" : "en"; keep.set("language", language); tell(""); translate(); }],
    ["#theme", () => { keep.set("theme", dark() ? "light" : "dark"); paint(); }],
    ["#about", () => note($("#note").hidden)],
    ["#note-close", () => { keep.set("note", "read"); note(false); field().focus(); }],
    ["#stop", stop],
    ["#fresh", turnAway],
    ["#history", () => history(!$(".sidebar").classList.contains("open"))],
    ["#kept [data-open]", () => { turnAway(); if (narrow.matches) history(false); }],
  ];
  document.addEventListener("click", (event) => {
    if (event.target === $("#sheet")) return $("#sheet").close();
    for (const [selector, act] of CLICKS) {
      const element = event.target.closest(selector);
      if (element) return act(element, event);
    }
  });
  // Before Gradio sees them: what cannot be asked is not sent, and Enter means what it means everywhere.
  window.addEventListener("click", (event) => { if (event.target.closest("#send")) send(event); }, true);
  window.addEventListener("keydown", (event) => {
    if (event.key === "Escape") unhint();
    if (event.key === "Escape" && editing !== null) edit(null);
    if (event.key !== "Enter" || !event.target.closest?.("#question")) return;
    event.stopPropagation();
    if (event.isComposing || event.keyCode === 229 || event.shiftKey) return;
    event.preventDefault();
    $("#send").click();
  }, true);
  document.addEventListener("input", (event) => {
    if (!event.target.closest("#question") || isBusy()) return;
    const count = [...event.target.value].length;
    if (count > LIMIT) tell(say("too_long", { count, limit: LIMIT }), "wrong");
    else if ($("#status").className === "wrong") tell("");
  });

  // -----------------------------------------------------------------------------------------------------
  new MutationObserver(() => {
    if (isBusy() && $(".toast-body.error")) { busy(false); fresh = false; tell(say("broken"), "wrong"); }
    follow();
    translate();
  }).observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-running"] });
  if ($(".sidebar")) {
    new MutationObserver(() => {
      translate();
      const opened = $(".sidebar.open");
      if (opened) $("#kept-words input, #kept-words textarea").focus({ preventScroll: true });
      else if (document.activeElement === document.body) $("#history").focus({ preventScroll: true });
    }).observe($(".sidebar"), { attributes: true, attributeFilter: ["class"] });
  }
  new MutationObserver(() => { if (root.lang !== language) root.lang = language; }).observe(root, { attributes: true, attributeFilter: ["lang"] });
  for (const media of [system, paper]) media.addEventListener("change", paint);
  busy(false);
  note(keep.get("note") === null);
  paint();
}
