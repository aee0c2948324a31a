// Licensed under a 3-clause BSD style license - see LICENSE.rst
// The web profile of SAMP: messages to TOPCAT and other programs on this computer.

const HUB = "http://localhost:21012/";
const SELECT = "table.select.rowList";
const TIMEOUT = "60";
const LOADS = { fits: "table.load.fits", vot: "table.load.votable" };

function toXmlRpc(value) {
  if (Array.isArray(value)) return `<value><array><data>${value.map(toXmlRpc).join("")}</data></array></value>`;
  if (typeof value === "object") {
    const members = Object.entries(value).map(([name, item]) => `<member><name>${xml(name)}</name>${toXmlRpc(item)}</member>`);
    return `<value><struct>${members.join("")}</struct></value>`;
  }
  return `<value><string>${xml(value)}</string></value>`;
}

function fromXmlRpc(element) {
  const content = element.firstElementChild;
  if (content?.tagName === "array") return [...content.querySelectorAll(":scope > data > value")].map(fromXmlRpc);
  if (content?.tagName === "struct") {
    return Object.fromEntries([...content.children].map((member) => [
      member.querySelector(":scope > name").textContent, fromXmlRpc(member.querySelector(":scope > value")),
    ]));
  }
  return element.textContent;
}

async function callHub(method, ...params) {
  const body = `<?xml version="1.0"?><methodCall><methodName>samp.webhub.${method}</methodName><params>${params.map((value) => `<param>${toXmlRpc(value)}</param>`).join("")}</params></methodCall>`;
  let text;
  try {
    const answer = await fetch(HUB, { method: "POST", headers: { "Content-Type": "text/plain" }, body });
    text = await answer.text();
  } catch {
    throw new ExportError("TOPCAT was not found: start it (or another SAMP hub with the web profile) and try again.");
  }
  const answer = new DOMParser().parseFromString(text, "text/xml");
  const fault = answer.querySelector("fault > value");
  if (fault) throw new ExportError(`The SAMP hub refused: ${fromXmlRpc(fault).faultString}`);
  return fromXmlRpc(answer.querySelector("params > param > value"));
}

async function subscribers(key, mtype) {
  return Object.keys(await callHub("getSubscribedClients", key, mtype));
}

async function callClient(key, client, mtype, parameters) {
  const message = { "samp.mtype": mtype, "samp.params": parameters };
  const answer = await callHub("callAndWait", key, client, message, TIMEOUT);
  if (answer["samp.status"] !== "samp.ok") {
    throw new ExportError(`${mtype} failed: ${answer["samp.error"]?.["samp.errortxt"] ?? "no reason was given"}`);
  }
}

// Show rows of the table that the page was made from as a selection; the table is loaded first.
async function selectBySamp(table, rows, title) {
  const address = new URL(table.url, location.href).href;
  const registration = await callHub("register", { "samp.name": "claxboi report" });
  const key = registration["samp.private-key"];
  try {
    await callHub("declareMetadata", key, { "samp.name": "claxboi report", "samp.description.text": title });
    const load = LOADS[table.format];
    const clients = await subscribers(key, load);
    if (!clients.length) throw new ExportError(`No program on this computer takes tables (${load}): start TOPCAT.`);
    const id = `claxboi-${table.id}`;
    for (const client of clients) {
      await callClient(key, client, load, { url: address, "table-id": id, name: title });
    }
    // Calls, not notifications: a hub may drop those of a client that leaves.
    for (const client of await subscribers(key, SELECT)) {
      if (clients.includes(client)) await callClient(key, client, SELECT, { "table-id": id, url: address, "row-list": Array.from(rows, String) });
    }
    return clients.length;
  } finally {
    await callHub("unregister", key);
  }
}
