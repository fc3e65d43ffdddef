// The same upload from a program, as docs/integrate.md has it: with a function key, which the local host does not ask for.

export const LANGUAGES = [
  { name: "curl", title: "curl" }, { name: "python", title: "Python" }, { name: "csharp", title: "C#" },
  { name: "javascript", title: "JavaScript" },
];

const CODE = { curl, python, csharp, javascript };

/** The program. @param facts `{host, company, file}`; host ends with the prefix of the API, such as "/api". */
export function codeIn(language, facts) {
  return CODE[language](facts);
}

function shell(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

// In all three languages a text in JSON is a text, once what is not ASCII is escaped.
function quoted(text) {
  return JSON.stringify(text).replace(/[\u007f-\uffff]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function curl({ host, company, file }) {
  return `KEY=your-function-key
where=$(curl -s -o answer.json -w "%header{location}" ${shell(`${host}/extract`)} -H "x-functions-key: $KEY" \\
  -H "Prefer: respond-async" -F ${shell(`file=@"${file.replace(/["\\]/g, "\\$&")}"`)} -F ${shell(`companyID=${company}`)})
[ -n "$where" ] || { cat answer.json; exit 1; }
until grep -Eq '"state": "(done|failed|cancelled)"' answer.json; do
  sleep 1
  curl -s -o answer.json ${shell(new URL(host).origin)}"$where" -H "x-functions-key: $KEY"
done
cat answer.json
`;
}

function python({ host, company, file }) {
  return `import json, pathlib, time
from urllib.request import Request, urlopen

HOST, KEY = ${quoted(host)}, {"x-functions-key": "your-function-key"}
document = pathlib.Path(${quoted(file)}).read_bytes()
sent = {**KEY, "Content-Type": "application/octet-stream", "Prefer": "respond-async"}
answer = json.load(urlopen(Request(HOST + "/extract?companyID=" + ${quoted(company)}, document, sent)))
while answer["data"]["state"] in ("queued", "running"):
    time.sleep(1)
    answer = json.load(urlopen(Request(HOST + "/extractions/" + answer["data"]["id"], None, KEY)))
print(answer["data"]["state"], [invoice["total"] for invoice in answer["data"].get("invoices", [])])
`;
}

function csharp({ host, company, file }) {
  return `using System.Net.Http.Headers;
using System.Text.Json;

using var http = new HttpClient();
http.DefaultRequestHeaders.Add("x-functions-key", "your-function-key");
using var form = new MultipartFormDataContent { { new StringContent(${quoted(company)}), "companyID" } };
form.Add(new ByteArrayContent(await File.ReadAllBytesAsync(${quoted(file)})), "file", "invoice");
using var request = new HttpRequestMessage(HttpMethod.Post, ${quoted(`${host}/extract`)}) { Content = form };
request.Headers.Add("Prefer", "respond-async");
using var accepted = await http.SendAsync(request);
var data = JsonDocument.Parse(await accepted.Content.ReadAsStringAsync()).RootElement.GetProperty("data");
while (data.GetProperty("state").GetString() is "queued" or "running")
{
    await Task.Delay(TimeSpan.FromSeconds(1));
    var where = ${quoted(`${host}/extractions/`)} + data.GetProperty("id").GetString();
    data = JsonDocument.Parse(await http.GetStringAsync(where)).RootElement.GetProperty("data");
}
Console.WriteLine(data.GetProperty("invoices")[0].GetProperty("total").GetString());
`;
}

function javascript({ host, company }) {
  return `// Where a page of another origin calls, its origin must be allowed. No key stands in a page: a server of yours adds it.
async function readInvoice(file) {
  const form = new FormData();
  form.append("file", file);
  form.append("companyID", ${quoted(company)});
  const sent = { method: "POST", body: form, headers: { Prefer: "respond-async" } };
  let answer = await (await fetch(${quoted(`${host}/extract`)}, sent)).json();
  while (["queued", "running"].includes(answer.data?.state)) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    answer = await (await fetch(${quoted(`${host}/extractions/`)} + answer.data.id)).json();
  }
  if (answer.error) throw new Error(answer.error.code + ": " + answer.message);
  return answer.data;
}
`;
}
