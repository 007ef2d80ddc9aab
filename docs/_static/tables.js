// On a phone a table becomes a list (pages.css), and each cell says which column it is from.
document.addEventListener("DOMContentLoaded", () => {
  for (const table of document.querySelectorAll("table.docutils")) {
    const names = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent.trim());
    if (names.length < 3) continue;
    for (const row of table.querySelectorAll("tbody tr")) {
      [...row.cells].slice(1).forEach((cell, index) => {
        if (cell.textContent.trim()) cell.dataset.column = names[index + 1];
      });
    }
  }
});
