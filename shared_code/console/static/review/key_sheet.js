// The sheet of all keys.

import { el } from "../dom.js";
import { ask } from "../dialogs.js";

const SHEET = [
  ["Everywhere", [
    ["Enter", "this value is right: on to the next doubtful one; behind the last one it confirms"],
    ["Tab, Shift+Tab", "next and previous doubtful value; Shift+Enter goes back too"], ["\u2193 \u2191", "next and previous field, doubtful or not"],
    ["1 2 3", "take the other value with this number"], ["Ctrl+Enter", "confirm, or save the changes"],
    ["Ctrl+Z, Ctrl+Shift+Z", "undo, redo"], ["/", "find a field by its name"], ["Page up, Page down", "move the page"],
    ["F2", "put the caret into the text"], ["Esc", "take back what was typed; once more: leave the field"], ["?", "this sheet"],
  ]],
  ["Lines", [
    ["\u2190 \u2191 \u2192 \u2193", "from cell to cell; to the left of the first one is the line's number"],
    ["Delete on the number", "delete the line"], ["\u2193 below the last line", "add a line"], ["Ctrl+V", "paste a table from a spreadsheet"],
  ]],
  ["Outside of fields (Esc)", [
    ["C", "confirm, or save the changes"], ["R", "reject"], ["P", "postpone"], ["N", "skip"], ["Q", "back to the queue"],
    ["U, Y", "undo, redo"], ["L", "to the lines"], ["I", "next invoice of the document"], ["A", "Tab stops at every field, or at doubtful ones only"],
    ["+ -", "zoom"], ["W", "whole width"], ["0", "whole page"], ["[ ]", "turn"], ["arrows, Space with the mouse", "move the page when it has the focus"],
  ]],
];

/** Shows the sheet, with the switch for single letters. */
export function showKeys(keyboard) {
  const letters = el("input", { type: "checkbox", id: "letters", checked: keyboard.letters, on: { change: () => keyboard.toggleLetters() } });
  const every = el("input", { type: "checkbox", id: "every-field", checked: keyboard.desk.everyField, on: { change: () => keyboard.desk.toggleEveryField() } });
  return ask({
    title: "Keys", wide: true,
    text: [
      el("div", { class: "key-sheet" }, SHEET.map(([name, keys]) => el("section", {}, el("h3", {}, name), el("dl", {},
        keys.map(([key, what]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, what)]))))),
      el("p", { class: "check" }, letters, " ", el("label", { for: "letters" }, "Single letters are commands")),
      el("p", { class: "check" }, every, " ", el("label", { for: "every-field" }, "Tab stops at every field")),
      el("p", { class: "help" }, "With the mouse: click a box to go to its field; drag over the page to put its text into the field; Ctrl and the wheel zoom."),
    ],
  });
}
