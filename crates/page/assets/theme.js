// Runs before the page is drawn, so that it never flashes in the wrong colours.
(() => {
  "use strict";
  const choices = ["system", "light", "dark"];
  const root = document.documentElement;
  let choice = "system";
  try {
    choice = localStorage.getItem("theme") ?? "system";
  } catch {
    // Without storage the choice lasts as long as the page.
  }
  const apply = () => {
    if (choice === "system") delete root.dataset.theme;
    else root.dataset.theme = choice;
  };
  apply();
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const label = button.querySelector("span");
    const show = () => {
      label.textContent = choice;
    };
    button.hidden = false;
    show();
    button.addEventListener("click", () => {
      choice = choices[(choices.indexOf(choice) + 1) % choices.length];
      try {
        localStorage.setItem("theme", choice);
      } catch {
        // As above.
      }
      apply();
      show();
      document.dispatchEvent(new Event("themechange"));
    });
  });
})();
