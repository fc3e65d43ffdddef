// Who changed what, when, from what to what.

import { auditRow } from "../dialogs.js";
import { el, put } from "../dom.js";
import * as format from "../format.js";
import { filters, list, table } from "../ui.js";
import { content, place } from "./common.js";

filters(place, [
  { name: "actor", label: "Who" }, { name: "action", label: "What", placeholder: "token.block" },
  { name: "target", label: "Of", placeholder: "token 1" }, { name: "request_id", label: "Request id" },
], (values) => {
  put(content);
  list(content, "audit", values, (items) => table("Audit", columns, items), { nothing: "No row fits." });
});

const columns = [
  { title: "When", value: (row) => format.moment(row.at), class: "nowrap" },
  { title: "Who", value: (row) => row.actor },
  { title: "What", value: (row) => el("details", { class: "more" }, el("summary", {}, row.action), auditRow(row)) },
  { title: "Of", value: (row) => row.target ?? "–" },
];
