// The form of a job: a button fills in a schedule to begin with. Without it the field suggests the same.
"use strict";
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-schedule]");
  const field = document.getElementById("field-schedule");
  if (!button || !field) return;
  field.value = button.dataset.schedule;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
});
