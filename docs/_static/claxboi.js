/* On a phone each row of a "stacked" table is a block, and its cells say what they are. */
document.addEventListener("DOMContentLoaded", () => {
  for (const table of document.querySelectorAll("table.stacked")) {
    const titles = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent.trim());
    for (const row of table.querySelectorAll("tbody tr")) {
      [...row.cells].forEach((cell, column) => {
        if (titles[column]) cell.dataset.title = titles[column];
      });
    }
  }
});
