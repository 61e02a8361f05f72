() => {
  // One listener on the document: the conversation is rewritten with every answer.
  const pane = () => document.querySelector("#source .pane");
  const wide = () => window.matchMedia("(min-width: 900px)").matches;

  let shown = null; // the citation that the pane was opened from

  const show = (button, move) => {
    const source = document.getElementById(button.dataset.source);
    if (!source || !pane()) return;
    pane().innerHTML = source.innerHTML;
    document.querySelectorAll(".cite[aria-current]").forEach((b) => b.removeAttribute("aria-current"));
    button.setAttribute("aria-current", "true");
    const mark = pane().querySelector("mark") || pane();
    shown = button;
    if (move && !wide()) mark.scrollIntoView({ block: "center" });
    else pane().scrollTop = Math.max(0, mark.offsetTop - 120);
  };

  const copy = async (button) => {
    const text = button.dataset.copy;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Browsers give the clipboard to https and to this machine only; a LAN address needs the old way.
      const field = document.createElement("textarea");
      field.value = text;
      document.body.appendChild(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
    const name = button.textContent;
    button.textContent = "已复制";
    setTimeout(() => { button.textContent = name; }, 1500);
  };

  document.addEventListener("click", (event) => {
    const cite = event.target.closest(".cite[data-source]");
    if (cite) return show(cite, true);
    const button = event.target.closest(".copy[data-copy]");
    if (button) return copy(button);
    if (event.target.closest(".back") && shown) shown.scrollIntoView({ block: "center" });
  });

  // A finished answer shows its first source beside it, and the newest question comes into view.
  let last = "";
  new MutationObserver(() => {
    const turns = document.querySelectorAll("#conversation .turn");
    const turn = turns[turns.length - 1];
    if (!turn) return;
    const first = turn.querySelector("ol.sources .cite");
    const key = turns.length + (first ? first.dataset.source : "");
    if (key === last) return;
    last = key;
    turn.scrollIntoView({ block: "nearest" });
    if (first && wide()) show(first, false);
  }).observe(document.body, { childList: true, subtree: true });

  document.documentElement.lang = "zh-CN";
}
