// Runs once for the list of kept conversations; "element" is the list.
const say = (key, given) => window.xiangui.say(key, given);
const rename = (button) => {
  const row = button.closest("li");
  const title = row.querySelector(".title");
  const field = document.createElement("input");
  field.value = title.textContent;
  field.maxLength = 100;
  field.setAttribute("aria-label", say("kept_title_field"));
  let done = false;
  const end = (kept) => {
    if (done) return;
    done = true;
    const given = field.value.trim();
    field.replaceWith(title);
    title.focus();
    if (kept && given && given !== title.textContent) trigger("rename", { key: button.dataset.rename, title: given });
  };
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing) end(true);
    if (event.key === "Escape") { event.stopPropagation(); end(false); }
  });
  field.addEventListener("blur", () => end(true));
  title.replaceWith(field);
  field.focus();
  field.select();
};
element.addEventListener("click", (event) => {
  const of = (name) => event.target.closest(`[data-${name}]`);
  const named = of("rename");
  if (named) return rename(named);
  if (of("open")) return trigger("open", { key: of("open").dataset.open });
  if (of("remove")) return trigger("remove", { key: of("remove").dataset.remove });
  if (of("restore")) return trigger("restore", { key: of("restore").dataset.restore });
  if (of("remove-all") && window.confirm(say("kept_clear_sure"))) trigger("remove_all", {});
});
