"use strict";
(() => {
  const filters = [...document.querySelectorAll("#filter select")];
  const rows = [...document.querySelectorAll("[data-outcome]")];
  const count = document.getElementById("count");
  const holds = (row, name, value) => !value || row.dataset[name].split("|").includes(value);
  const apply = () => {
    let left = 0;
    for (const row of rows) {
      row.hidden = !filters.every((filter) => holds(row, filter.name, filter.value));
      if (!row.hidden && row.tagName === "DETAILS") left += 1;
    }
    count.textContent = `${left} 题`;
  };
  filters.forEach((filter) => filter.addEventListener("change", apply));
  document.getElementById("filter").hidden = false;
  apply();

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    opened.forEach((each) => { each.open = true; });
  });
  addEventListener("afterprint", () => opened.forEach((each) => { each.open = false; }));
})();
