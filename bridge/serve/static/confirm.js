// Asks before something that is felt: not window.confirm, which browsers refuse to a page inside another, as in Home
// Assistant's web page panel.

/** Whether somebody pressed `yes`. */
export function confirmed(question, yes) {
  const dialog = document.getElementById("confirm");
  dialog.querySelector("p").textContent = question;
  dialog.querySelector(".yes").textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
