// A firm's assistant on the firm's own web site. One script tag, nothing else to load:
//
//   <script src="https://chat.example/widget.js" data-key="..." async></script>
//
// It lives in a shadow root, styles itself without a single inline style, and writes text as text:
// no answer, document or name ever becomes markup. Options and what a page's Content-Security-Policy
// has to allow: docs/widget.md.
(() => {
  "use strict";

  const script = document.currentScript;
  const { key, color, position } = script.dataset;
  const ID = "sloth-widget";
  if (!key) return console.error("widget.js: the script tag needs a data-key.");
  if (isThere()) return; // a page may carry the tag twice

  // What a site kept of an earlier page is a mere copy: it has no shadow.
  function isThere() {
    const other = document.getElementById(ID);
    if (other && !other.shadowRoot) other.remove();
    return Boolean(other?.shadowRoot);
  }

  // ---- Words ------------------------------------------------------------------------------------

  const WORDS = {
    en: {
      open: "Open the chat", unread: "Open the chat: new message", close: "Close the chat", about: "Virtual assistant",
      chat: "Chat", conversation: "Conversation", you: "You", assistant: "Assistant",
      write: "Write a message", send: "Send", writing: "The assistant is writing",
      sources: "Sources", page: "page", row: "row",
      slow: "This takes a little longer…", again: "Try again",
      offline: "You are offline. We will go on as soon as you are back.",
      failed: "That did not work. Please try again.",
      human: "Talk to a person", waiting: "A person will answer here", person: "A person is answering", staff: "Our team",
    },
    uk: {
      open: "Відкрити чат", unread: "Відкрити чат: нове повідомлення", close: "Закрити чат", about: "Віртуальний помічник",
      chat: "Чат", conversation: "Розмова", you: "Ви", assistant: "Помічник",
      write: "Напишіть повідомлення", send: "Надіслати", writing: "Помічник пише",
      sources: "Джерела", page: "сторінка", row: "рядок",
      slow: "Це триває трохи довше…", again: "Спробувати ще раз",
      offline: "Немає з’єднання. Продовжимо, щойно воно з’явиться.",
      failed: "Не вдалося. Спробуйте, будь ласка, ще раз.",
      human: "Поговорити з людиною", waiting: "Тут відповість людина", person: "Відповідає людина", staff: "Наша команда",
    },
    pl: {
      open: "Otwórz czat", unread: "Otwórz czat: nowa wiadomość", close: "Zamknij czat", about: "Wirtualny asystent",
      chat: "Czat", conversation: "Rozmowa", you: "Ty", assistant: "Asystent",
      write: "Napisz wiadomość", send: "Wyślij", writing: "Asystent pisze",
      sources: "Źródła", page: "strona", row: "wiersz",
      slow: "To trwa trochę dłużej…", again: "Spróbuj ponownie",
      offline: "Brak połączenia. Wrócimy do rozmowy, gdy tylko się pojawi.",
      failed: "Nie udało się. Proszę spróbować ponownie.",
      human: "Porozmawiaj z człowiekiem", waiting: "Tu odpowie człowiek", person: "Odpowiada człowiek", staff: "Nasz zespół",
    },
    de: {
      open: "Chat öffnen", unread: "Chat öffnen: neue Nachricht", close: "Chat schließen", about: "Virtueller Assistent",
      chat: "Chat", conversation: "Unterhaltung", you: "Sie", assistant: "Assistent",
      write: "Nachricht schreiben", send: "Senden", writing: "Der Assistent schreibt",
      sources: "Quellen", page: "Seite", row: "Zeile",
      slow: "Das dauert etwas länger…", again: "Noch einmal versuchen",
      offline: "Sie sind offline. Sobald Sie wieder online sind, geht es weiter.",
      failed: "Das hat nicht geklappt. Bitte versuchen Sie es noch einmal.",
      human: "Mit einem Menschen sprechen", waiting: "Hier antwortet gleich ein Mensch", person: "Ein Mensch antwortet", staff: "Unser Team",
    },
  };

  const language = [script.dataset.language, document.documentElement.lang, ...navigator.languages]
    .map((wanted) => (wanted || "").slice(0, 2).toLowerCase())
    .find((wanted) => wanted in WORDS) || "en";
  const say = WORDS[language];

  // ---- The server -------------------------------------------------------------------------------

  const SERVER = new URL(`api/widget/${encodeURIComponent(key)}/`, script.src);
  const RETRY_MS = 1500; // until it is tried again
  const PATIENT_MS = 60000; // as long as somebody else may be at it
  const RESUMED_MS = 300000; // while a question is asked again by itself
  const LOST_MS = 15000; // until what is not written bit by bit counts as lost
  const SLOW_MS = 6000; // until somebody is told that it takes longer
  const SILENT_MS = 60000; // until a silent connection counts as lost
  const MOST_SHOWN = 100; // messages that it tells at once

  class Refused extends Error {
    constructor(status, problem) {
      super(problem.detail || say.failed);
      this.status = status;
      this.code = problem.code;
    }
    get isFinal() {
      return this.code === "assistant_closed";
    }
    get isEarly() {
      return this.code === "in_progress";
    }
  }

  async function call(path, { body, headers = {}, signal } = {}) {
    const answer = await fetch(new URL(path, SERVER), {
      method: body ? "POST" : "GET",
      headers: {
        "Accept-Language": language,
        ...(body && { "Content-Type": "application/json" }),
        ...(visit && { Authorization: `Bearer ${visit.token}` }),
        ...headers,
      },
      body: body && JSON.stringify(body),
      credentials: "omit",
      signal,
    });
    if (answer.ok) return answer;
    throw new Refused(answer.status, await answer.json().catch(() => ({})));
  }

  // What is answered at once; given up where nothing comes, or where somebody aborts `leaving`.
  async function fetched(path, { leaving = new AbortController(), ...how } = {}) {
    const late = setTimeout(() => leaving.abort(), LOST_MS);
    try {
      return await (await call(path, { ...how, signal: leaving.signal })).json();
    } finally {
      clearTimeout(late);
    }
  }

  // Whoever is not known any more, such as after thirty days, begins a new visit, unless another tab has.
  async function asVisitor(work) {
    for (let tries = 3; ; tries--) {
      visit ??= kept("visit") ?? (await begin());
      const { token } = visit;
      try {
        return await work();
      } catch (error) {
        if (error.status !== 401 || tries === 1) throw error;
        if (kept("visit")?.token === token) keep("visit", null);
        if (visit?.token === token) visit = null;
      }
    }
  }

  // Of tabs that begin at once the first one's visit counts.
  async function begin() {
    const made = await fetched("visitors/", { body: { language } });
    const other = kept("visit");
    if (!other) keep("visit", made);
    return other ?? made;
  }

  // Calls `hear` with the name and the data of each event, as they come.
  async function stream(text, id, hear) {
    const leaving = new AbortController();
    let silence;
    const listen = () => {
      clearTimeout(silence);
      silence = setTimeout(() => leaving.abort(), SILENT_MS);
    };
    listen();
    try {
      const answer = await call("messages/", {
        body: { message: text },
        headers: { Accept: "text/event-stream", "Idempotency-Key": id },
        signal: leaving.signal,
      });
      const reader = answer.body.getReader();
      const decoder = new TextDecoder();
      let rest = "";
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        listen();
        const events = (rest + decoder.decode(part.value, { stream: true })).split("\n\n");
        rest = events.pop();
        for (const event of events) {
          const lines = event.split("\n").filter((line) => line && !line.startsWith(":"));
          if (!lines.length) continue;
          const [name, data] = lines.map((line) => line.slice(line.indexOf(": ") + 2));
          if (name === "error") throw new Refused(0, JSON.parse(data));
          hear(name, JSON.parse(data));
          if (name === "done") return; // without leaving: the server keeps the answer right after that
        }
      }
      throw new Error("It broke off.");
    } finally {
      clearTimeout(silence);
    }
  }

  // The same question is being answered already, such as for a page that was left.
  async function patiently(work) {
    for (const end = Date.now() + PATIENT_MS; ; ) {
      try {
        return await work();
      } catch (error) {
        if (!error.isEarly || Date.now() > end) throw error;
      }
      await new Promise((go) => setTimeout(go, RETRY_MS));
    }
  }

  // Browsers offer randomUUID on secure pages alone.
  const newId = () =>
    [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

  // ---- What the browser keeps -------------------------------------------------------------------

  const PLACE = `sloth-widget:${key}:`;

  function keep(name, value, store = "localStorage") {
    try {
      if (value == null) window[store].removeItem(PLACE + name);
      else window[store].setItem(PLACE + name, JSON.stringify(value));
    } catch {} // private windows may keep nothing: the chat works for as long as the page is open
  }

  function kept(name, store = "localStorage") {
    try {
      return JSON.parse(window[store].getItem(PLACE + name));
    } catch {
      return null;
    }
  }

  let visit = kept("visit");

  // ---- Building blocks --------------------------------------------------------------------------

  // An element; of its attributes those that are functions are listeners. Strings stay text.
  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (typeof value === "function") element.addEventListener(name, value);
      else if (value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children);
    return element;
  }

  function icon(...paths) {
    const SVG = "http://www.w3.org/2000/svg";
    const drawing = document.createElementNS(SVG, "svg");
    drawing.setAttribute("viewBox", "0 0 24 24");
    drawing.setAttribute("aria-hidden", "true");
    for (const path of paths) {
      const line = document.createElementNS(SVG, "path");
      line.setAttribute("d", path);
      drawing.append(line);
    }
    return drawing;
  }

  const SPEECH = ["M21 11.5a8.4 8.4 0 0 1-8.5 8.3 8.8 8.8 0 0 1-3.8-.9L3 20.5l1.7-5a8 8 0 0 1-.7-4A8.4 8.4 0 0 1 12.5 3.2 8.4 8.4 0 0 1 21 11.5Z"];
  const CROSS = ["M6 6l12 12", "M18 6L6 18"];
  const DOWN = ["M6 9.5l6 6 6-6"];
  const ARROW = ["M12 19V5", "M5.5 11.5L12 5l6.5 6.5"];

  // ---- Light Markdown: paragraphs, lists, bold, links -------------------------------------------

  const LIST_ITEM = /^\s*(?:[-*•]|(\d{1,3})[.)])\s+(.*)$/;
  const INLINE = /\*\*([^*\n]+)\*\*|\[([^\]\n]+)\]\(([^\s)]+)\)|(https?:\/\/[^\s<>"()]*[^\s<>"().,;:!?…])/gi;

  function written(text) {
    const result = document.createDocumentFragment();
    let list = null, paragraph = null;
    for (const line of text.split("\n")) {
      const item = LIST_ITEM.exec(line);
      if (item) {
        const tag = item[1] ? "ol" : "ul";
        if (!list || list.localName !== tag) {
          list = make(tag, item[1] && item[1] !== "1" ? { start: item[1] } : {});
          result.append(list);
        }
        list.append(make("li", {}, ...inline(item[2])));
        paragraph = null;
      } else if (!line.trim()) {
        list = paragraph = null;
      } else {
        list = null;
        if (paragraph) paragraph.append(make("br"));
        else result.append((paragraph = make("p")));
        paragraph.append(...inline(line.replace(/^#{1,6}\s+/, "")));
      }
    }
    return result;
  }

  function inline(text) {
    const nodes = [];
    let end = 0;
    for (const found of text.matchAll(INLINE)) {
      nodes.push(text.slice(end, found.index));
      end = found.index + found[0].length;
      const [whole, bold, label, address, bare] = found;
      nodes.push(bold ? make("strong", {}, bold) : link(label || bare, address || bare) || whole);
    }
    nodes.push(text.slice(end));
    return nodes.filter((node) => node !== "");
  }

  function link(label, address) {
    let url;
    try {
      url = new URL(address);
    } catch {
      return null;
    }
    if (url.protocol !== "https:" && url.protocol !== "http:") return null;
    return make("a", { href: url.href, target: "_blank", rel: "noopener noreferrer nofollow" }, label);
  }

  function sources(citations) {
    const items = citations.map((source) => {
      const where = [
        source.section || source.sheet,
        source.page && `${say.page} ${source.page}`,
        source.row && `${say.row} ${source.row}`,
      ].filter(Boolean);
      return make(
        "li", {},
        make("cite", {}, source.document),
        where.length ? make("span", { class: "where" }, where.join(", ")) : "",
        make("q", {}, source.snippet),
      );
    });
    return make(
      "details", { class: "sources" },
      make("summary", {}, `${say.sources} (${citations.length})`),
      make("ul", {}, ...items),
    );
  }

  // ---- What is seen -----------------------------------------------------------------------------

  const launcher = make(
    "button",
    { type: "button", class: "launcher", "aria-haspopup": "dialog", "aria-expanded": "false", click: () => show(panel.hidden), keyup: stop },
    icon(...SPEECH),
    make("span", { class: "dot", hidden: true }),
  );
  const about = make("p", { role: "status" }, say.about);
  const human = make("button", { type: "button", class: "human", hidden: true, click: callPerson }, say.human);
  const initial = make("span", { class: "initial", "aria-hidden": "true" });
  const title = make("h2", { id: "title" });
  const log = make("div", { class: "log", role: "log", "aria-live": "off", "aria-label": say.conversation, tabindex: "0" });
  const notice = make("p", { class: "notice", role: "status", hidden: true });
  const input = make("textarea", {
    rows: "1", maxlength: "4000", placeholder: say.write, "aria-label": say.write, autocomplete: "off", enterkeyhint: "send",
    input: () => (grow(), (wanted = false)), // who writes on sends it when it is whole
    keydown: (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      submit();
    },
  });
  const send = make("button", { type: "submit", class: "send", "aria-label": say.send, title: say.send }, icon(...ARROW));
  const form = make("form", { submit: (event) => (event.preventDefault(), submit()) }, input, send);
  const close = make(
    "button",
    { type: "button", class: "close", "aria-label": say.close, title: say.close, click: () => show(false) },
    icon(...DOWN),
  );
  const panel = make(
    "section",
    { class: "panel", role: "dialog", "aria-labelledby": "title", hidden: true, keydown: onKey, keypress: stop, keyup: stop },
    make(
      "header", {},
      initial,
      make("div", { class: "who" }, title, about),
      close,
    ),
    log, notice, form, human,
  );
  const announced = make("p", { class: "unseen", role: "status", "aria-live": "polite" });
  const host = make("div", { id: ID, lang: language, dir: "ltr" });
  const root = host.attachShadow({ mode: "open" });
  const gone = new AbortController();

  // Sites that swap the page's body end the chat, and their next page begins it anew.
  function isShown() {
    if (!host.isConnected) gone.abort();
    return host.isConnected;
  }

  const narrow = matchMedia("(max-width: 480px), (max-height: 420px)"); // then it covers the page

  function cover() {
    panel.setAttribute("aria-modal", String(narrow.matches));
  }

  function label() {
    const closed = launcher.lastChild.hidden ? say.open : say.unread;
    launcher.setAttribute("aria-label", panel.hidden ? closed : say.close);
  }

  // What is typed here is no shortcut of the page's.
  function stop(event) {
    event.stopPropagation();
  }

  function onKey(event) {
    stop(event);
    if (event.key === "Escape") show(false);
    else if (event.key === "Tab" && narrow.matches) {
      // The keyboard stays where the eyes are.
      const stops = [...panel.querySelectorAll("button, summary, a, textarea, [tabindex]")].filter((stop) => stop.getClientRects().length && !stop.disabled);
      const [edge, other] = event.shiftKey ? [stops[0], stops.at(-1)] : [stops.at(-1), stops[0]];
      if (root.activeElement === edge) {
        event.preventDefault();
        other.focus();
      }
    }
  }

  function show(open, { focus = true } = {}) {
    panel.hidden = !open;
    launcher.setAttribute("aria-expanded", String(open));
    announced.textContent = "";
    (open ? panel : root).append(announced); // nothing outside of what is modal is heard
    launcher.replaceChild(icon(...(open ? CROSS : SPEECH)), launcher.firstChild);
    host.toggleAttribute("data-open", open);
    keep("open", open || null, "sessionStorage");
    if (open) {
      dot();
      down();
      restored ? lookNow() : restore();
    }
    label();
    if (focus) (open ? input : launcher).focus();
  }

  function named(name) {
    title.textContent = name || say.chat;
    initial.textContent = [...(name || say.chat).trim()][0].toUpperCase();
  }

  function grow() {
    input.rows = Math.min(5, input.value.split("\n").length);
  }

  function tell(text) {
    notice.textContent = text || "";
    notice.hidden = !text;
  }

  // Follows what is written, unless somebody is reading further up.
  function down(always = true) {
    if (always || log.scrollHeight - log.scrollTop - log.clientHeight < 120) log.scrollTop = log.scrollHeight;
  }

  function bubble(role, ...content) {
    const said = make("div", { class: "text", dir: "auto" }, ...content);
    const name = { user: say.you, staff: say.staff }[role] || say.assistant;
    const who = make("span", { class: role === "staff" ? "name" : "unseen" }, `${name}:`);
    const message = make("article", { class: `message ${role}` }, who, said);
    log.append(message);
    return { message, said };
  }

  function answered(message, said, text, citations) {
    said.replaceChildren(written(text));
    if (citations.length) message.append(sources(citations));
  }

  // ---- The conversation -------------------------------------------------------------------------

  let restored = false; // whether what was said before is shown
  let busy = false; // whether something is on its way
  let wanted = false; // whether Enter was pressed meanwhile
  let glance; // the look at what was said meanwhile that is on its way
  const lost = new Set(); // questions of which nobody knows whether they came through
  let state = "assistant"; // who answers: assistant, waiting (for a person), person
  let newest = ""; // the id of the last message that is shown
  const shown = new Set(); // the ids of all that are
  let looking; // when we look again for what a person has written
  const told = new Set(); // the ids of what was said to the visitor
  const seen = new Set(); // and of that of it which was before their eyes

  // On the button: something was said that the visitor has not seen, neither here nor on another page.
  function dot() {
    const before = kept("seen") || [];
    for (const id of panel.hidden ? before : [...before, ...told]) seen.add(id);
    if (!panel.hidden) keep("seen", [...seen].slice(-MOST_SHOWN));
    launcher.lastChild.hidden = [...told].every((id) => seen.has(id));
    label();
  }

  async function restore() {
    if (restored || busy) return;
    busy = true;
    tell();
    try {
      const answer = await asVisitor(() => fetched("messages/"));
      const { items, state, name, greeting } = { ...visit, ...answer }; // as the firm, and this page, have it now
      named(name);
      log.replaceChildren();
      bubble("assistant", ...inline(greeting));
      items.forEach(showKept);
      dot();
      form.hidden = false; // though the firm was closed before
      answeredBy(state);
      restored = true;
      busy = false;
      down();
      resume(items);
      if (wanted) submit();
    } catch (error) {
      busy = false;
      log.replaceChildren();
      if (error.isFinal) closed(error.message);
      else failed(error, restore);
    }
  }

  // Another tab, or the page before this one, has begun the visit or a new one.
  function reread() {
    const other = kept("visit");
    if (busy || !isShown() || !other || other.token === visit?.token) return;
    visit = other;
    if (!restored) return;
    glance?.abort();
    restored = false;
    newest = "";
    shown.clear();
    told.clear();
    lost.clear();
    restore();
  }

  function note(id) {
    shown.add(id);
    if (id > newest) newest = id;
  }

  // A question that did come through though its answer did not: it stands there already.
  const lostAs = ({ id, role, text }) => role === "user" && [...lost].find((one) => one.text === text && id > one.after);

  function showKept(item) {
    const { id, role, text, citations } = item;
    note(id);
    const asked = lostAs(item);
    if (asked) asked.settle();
    else if (role === "user") bubble("user", text);
    else {
      told.add(id);
      const { message, said } = bubble(role);
      answered(message, said, text, citations);
    }
  }

  // ---- A person in the assistant's place ----------------------------------------------------------

  const SOON_MS = 4000; // while a person is awaited before the open chat
  const LATER_MS = 20000; // else: somebody of the firm may come into any conversation
  const QUIET_MS = 60000; // where nothing was said for long, or the server does not answer
  const LONG_MS = 600000;

  function answeredBy(who) {
    state = who;
    about.textContent = { waiting: say.waiting, person: say.person }[who] || say.about;
    human.hidden = who !== "assistant";
    lookLater();
  }

  // Only where there is a conversation, and somebody who sees the page: the others cost nothing.
  const looks = () => isShown() && newest && !form.hidden && !document.hidden;

  function lookLater(pause) {
    clearTimeout(looking);
    if (looks()) looking = setTimeout(lookNow, pause ?? usualPause());
  }

  function lookNow() {
    clearTimeout(looking);
    if (looks()) look();
  }

  function usualPause() {
    if (state !== "assistant") return panel.hidden ? LATER_MS : SOON_MS;
    return Date.now() - timeOf(newest) < LONG_MS ? LATER_MS : QUIET_MS;
  }

  // Ids begin with their time: what a person wrote while the assistant was answering has an older one
  // than the answer, and is stored later.
  const OVERLAP_MS = 120000;

  const timeOf = (id) => parseInt(id.replace("-", "").slice(0, 12), 16);

  function before(id) {
    const digits = (timeOf(id) - OVERLAP_MS).toString(16).padStart(12, "0");
    return `${digits.slice(0, 8)}-${digits.slice(8)}-7000-8000-000000000000`;
  }

  // Shows what was said meanwhile, by whomever; gives way to whatever the visitor does.
  async function look() {
    if (busy || glance) return lookLater();
    const leaving = (glance = new AbortController());
    try {
      const after = newest ? `?after=${before(newest)}` : "";
      const { items: found, state: who } = await asVisitor(() => fetched(`messages/${after}`, { leaving }));
      const last = newest, heard = [];
      for (const item of found) {
        const isOwn = item.role === "user";
        if (shown.has(item.id) || (isOwn && item.id <= last && !lostAs(item))) continue; // those are seen
        showKept(item);
        if (!isOwn) heard.push(item.text);
      }
      if (heard.length) {
        announced.textContent = heard.join("\n");
        down(false);
      }
      dot();
      answeredBy(who);
    } catch (error) {
      if (error.isFinal) closed(error.message);
      else lookLater(error instanceof Refused ? QUIET_MS : null);
    } finally {
      glance = null;
    }
  }

  function begun() {
    if ([send, human].includes(root.activeElement)) input.focus(); // before they cannot have it
    busy = send.disabled = human.disabled = true;
    glance?.abort();
  }

  function ended() {
    busy = send.disabled = human.disabled = false;
    reread();
    if (wanted) submit();
  }

  async function callPerson() {
    if (busy || !restored) return;
    begun();
    try {
      await asVisitor(() => fetched("human/", { body: {}, headers: { "Idempotency-Key": newId() } }));
      input.focus();
      setTimeout(look); // for what is said to that
    } catch (error) {
      if (error.isFinal) closed(error.message);
      else failed(error, callPerson);
    } finally {
      ended();
    }
  }

  // The page was left before the answer came: it is asked for again, under the same id. Whoever comes
  // back much later may want to ask something else.
  function resume(items) {
    const waiting = kept("waiting");
    if (!waiting) return;
    if (items.some(({ id, role, text }) => role === "user" && text === waiting.text && id > waiting.after)) keep("waiting", null);
    else if (Date.now() - waiting.at < RESUMED_MS) ask(waiting);
    else {
      keep("waiting", null);
      input.value ||= waiting.text;
      grow();
    }
  }

  function submit() {
    const text = input.value.trim();
    if (!text) return;
    wanted = busy || !restored;
    if (wanted) return restore(); // where it has failed
    input.value = "";
    grow();
    ask({ text, id: newId(), at: Date.now(), after: newest });
  }

  // A question has an id, when it was asked, and the id of what was said before it.
  async function ask(question, again = false) {
    const { text, id } = question;
    begun();
    keep("waiting", question);
    if (!again) bubble("user", text);
    const { message, said } = bubble("assistant", make("span", { class: "dots", role: "img", "aria-label": say.writing }, make("i"), make("i"), make("i")));
    message.setAttribute("aria-busy", "true");
    const slow = setTimeout(() => tell(say.slow), SLOW_MS);
    down();
    let whole = "", citations = [], drawn = 0, done;
    const draw = () => {
      drawn = 0;
      said.replaceChildren(written(whole));
      down(false);
    };
    try {
      const hear = (name, data) => {
        clearTimeout(slow);
        tell();
        if (name === "token") {
          whole += data.text;
          drawn ||= requestAnimationFrame(draw);
        } else if (name === "citations") citations = data.citations;
        else if (name === "done") done = data;
      };
      await asVisitor(() => patiently(() => stream(text, id, hear)));
      cancelAnimationFrame(drawn);
      forget(id);
      const isSeen = shown.has(done.id); // by a look that was faster
      note(done.id);
      if (isSeen || done.answer === null) message.remove(); // a person reads it
      else {
        told.add(done.id);
        answered(message, said, done.answer, citations);
        message.removeAttribute("aria-busy");
        announced.textContent = `${say.assistant}: ${said.textContent}`;
        dot();
      }
      down(false);
      lookLater(done.grounded ? LATER_MS : 0); // at once: perhaps a person was asked for
    } catch (error) {
      cancelAnimationFrame(drawn);
      message.remove(); // no half answer stands as whole
      wanted = false;
      if (error instanceof Refused && !error.isEarly) forget(id);
      if (error.isFinal) closed(error.message);
      else {
        const drop = failed(error, () => {
          lost.delete(unsure);
          ask({ ...question, at: Date.now() }, true);
        });
        const unsure = { ...question, settle: () => (drop(), forget(id), lost.delete(unsure)) };
        lost.add(unsure);
      }
    } finally {
      clearTimeout(slow);
      ended();
    }
  }

  function forget(id) {
    if (kept("waiting")?.id === id) keep("waiting", null);
  }

  // Says so, and how to try again; returns what takes that back.
  function failed(error, again) {
    const drop = () => {
      removeEventListener("online", retry);
      if (trouble.contains(root.activeElement)) input.focus();
      trouble.remove();
      tell();
    };
    const retry = () => {
      if (!trouble.isConnected) return; // it was taken back, or tried already
      if (busy) return setTimeout(retry, RETRY_MS);
      drop();
      again();
    };
    const text = reason(error);
    const trouble = make(
      "div", { class: "trouble", role: "alert" },
      make("span", {}, text),
      make("button", { type: "button", click: retry }, say.again),
    );
    tell();
    log.append(trouble);
    down();
    if (!navigator.onLine) addEventListener("online", retry, { signal: gone.signal });
    return drop;
  }

  function reason(error) {
    if (!navigator.onLine) return say.offline;
    return error instanceof Refused ? error.message : say.failed;
  }

  function closed(text) {
    if (form.contains(root.activeElement) || root.activeElement === human) close.focus();
    form.hidden = human.hidden = true;
    const { message } = bubble("assistant", text);
    message.setAttribute("role", "alert");
    down();
  }

  // ---- How it looks -----------------------------------------------------------------------------

  const STYLE = `
    :host {
      all: initial; display: block !important; position: fixed !important; z-index: 2147483000;
      inset: auto 20px 20px auto; color-scheme: light dark;
      font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
      --accent: #1c5f57; --on-accent: #fff; --ring: var(--seen-accent, var(--accent)); --ground: #fff; --ink: #1b2423; --soft: #5b6866;
      --line: #e4e9e8; --bubble: #f0f4f3; --warn: #8a3b12; --warn-ground: #fdf1ea;
      --shadow: 0 1px 2px #0b1f1c14, 0 12px 40px #0b1f1c2e;
    }
    :host([data-left]) { inset: auto auto 20px 20px; }
    @media (prefers-color-scheme: dark) {
      :host {
        --accent: #23796d; --ring: #7fd1c1; --ground: #161c1c; --ink: #e8eeed; --soft: #9aa8a6;
        --line: #2a3433; --bubble: #222b2b; --warn: #ffc29e; --warn-ground: #3a241a;
        --shadow: 0 0 0 1px #ffffff14, 0 12px 40px #0009;
      }
    }
    * { box-sizing: border-box; margin: 0; }
    [hidden] { display: none !important; }
    button, textarea { font: inherit; color: inherit; }
    button { cursor: pointer; border: 0; background: none; padding: 0; }
    :focus-visible { outline: 2px solid var(--ring); outline-offset: 2px; }
    svg { width: 22px; height: 22px; display: block; fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
    .unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

    .launcher {
      position: relative; display: grid; place-items: center; width: 56px; height: 56px; margin-inline-start: auto;
      border-radius: 50%; background: var(--accent); color: var(--on-accent); box-shadow: var(--shadow);
      transition: transform .16s ease;
    }
    .launcher:hover { transform: scale(1.05); }
    .launcher:focus-visible { box-shadow: 0 0 0 6px var(--ground); }
    .launcher svg { width: 26px; height: 26px; }
    .dot { position: absolute; top: 2px; right: 2px; width: 14px; height: 14px; border-radius: 50%; background: #e5484d; border: 2px solid var(--ground); }

    .panel {
      position: absolute; right: 0; bottom: 72px; display: flex; flex-direction: column; overflow: hidden;
      width: 384px; height: min(620px, calc(100dvh - 112px)); border-radius: 18px;
      background: var(--ground); color: var(--ink); box-shadow: var(--shadow); animation: rise .2s ease-out;
    }
    :host([data-left]) .panel { right: auto; left: 0; }
    :host([data-left]) .launcher { margin-inline: 0 auto; }
    header { display: flex; align-items: center; gap: 12px; padding: 14px 12px 14px 16px; border-bottom: 1px solid var(--line); }
    .initial { flex: none; display: grid; place-items: center; width: 38px; height: 38px; border-radius: 50%; background: var(--accent); color: var(--on-accent); font-weight: 600; }
    .who { flex: 1; min-width: 0; }
    h2 { font-size: 15px; font-weight: 600; line-height: 1.3; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
    .who p { font-size: 13px; line-height: 1.35; color: var(--soft); }
    .close { display: grid; place-items: center; width: 40px; height: 40px; border-radius: 10px; color: var(--soft); }
    .close:hover { background: var(--bubble); color: var(--ink); }

    .log { flex: 1; overflow-y: auto; overscroll-behavior: contain; padding: 18px 16px 10px; display: flex; flex-direction: column; gap: 12px; scrollbar-width: thin; }
    .log:focus-visible { outline-offset: -3px; }
    .message { max-width: 86%; animation: rise .18s ease-out; }
    .assistant, .staff { align-self: flex-start; }
    .staff .text { background: none; border: 1px solid var(--line); }
    .name { display: block; padding: 0 14px 3px; font-size: 13px; font-weight: 600; color: var(--soft); }
    .user { align-self: flex-end; }
    .text { padding: 10px 14px; border-radius: 16px 16px 16px 5px; background: var(--bubble); overflow-wrap: anywhere; }
    .user .text { border-radius: 16px 16px 5px 16px; background: var(--accent); color: var(--on-accent); white-space: pre-wrap; }
    .text p + p, .text ul, .text ol, .text ul + p, .text ol + p { margin-top: 8px; }
    .text > :first-child { margin-top: 0; }
    .text ul, .text ol { padding-inline-start: 20px; }
    .text li + li { margin-top: 3px; }
    a { color: inherit; text-underline-offset: 2px; }
    strong { font-weight: 600; }

    .sources { margin-top: 5px; font-size: 13px; color: var(--soft); }
    summary { display: inline-block; padding: 3px 14px; border-radius: 8px; cursor: pointer; list-style: none; }
    summary::-webkit-details-marker { display: none; }
    summary::after { content: ""; display: inline-block; width: 5px; height: 5px; margin: 0 0 3px 7px; border: solid; border-width: 0 1.5px 1.5px 0; transform: rotate(45deg); }
    [open] > summary::after { transform: rotate(225deg); margin-bottom: 0; }
    summary:hover { color: var(--ink); }
    .sources ul { list-style: none; padding: 2px 0 0 14px; }
    .sources li { padding: 6px 0 6px 12px; border-inline-start: 2px solid var(--line); overflow-wrap: anywhere; }
    .sources li + li { margin-top: 6px; }
    cite { font-style: normal; font-weight: 600; color: var(--ink); }
    .where::before { content: " · "; }
    q { display: block; quotes: none; margin-top: 1px; }

    .dots { display: flex; gap: 5px; padding: 6px 2px; }
    .dots i { width: 7px; height: 7px; border-radius: 50%; background: var(--soft); animation: breathe 1.2s infinite ease-in-out; }
    .dots i:nth-child(2) { animation-delay: .15s; }
    .dots i:nth-child(3) { animation-delay: .3s; }

    .notice { padding: 2px 18px 6px; font-size: 13px; color: var(--soft); }
    .trouble { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 12px; padding: 10px 14px; border-radius: 12px; font-size: 14px; background: var(--warn-ground); color: var(--warn); }
    .trouble span { flex: 1 1 180px; }
    .trouble button { padding: 5px 12px; border-radius: 8px; border: 1px solid currentColor; font-weight: 600; }

    form { display: flex; align-items: flex-end; gap: 8px; margin: 4px 12px 12px; padding: 5px 5px 5px 14px; border: 1px solid var(--line); border-radius: 16px; }
    form:has(textarea:focus) { border-color: var(--ring); box-shadow: 0 0 0 1px var(--ring); }
    textarea { flex: 1; min-width: 0; max-height: 130px; padding: 7px 0; border: 0; resize: none; background: none; field-sizing: content; }
    textarea:focus-visible { outline: 0; }
    textarea::placeholder { color: var(--soft); opacity: 1; }
    .send { flex: none; display: grid; place-items: center; width: 38px; height: 38px; border-radius: 12px; background: var(--accent); color: var(--on-accent); }
    .send:disabled { opacity: .45; cursor: default; }
    .send svg { width: 20px; height: 20px; }

    .human { align-self: center; margin: -8px 0 6px; padding: 7px 12px; border-radius: 8px; font-size: 13px; color: var(--soft); }
    .human:hover { color: var(--ink); text-decoration: underline; text-underline-offset: 3px; }

    @media (max-width: 480px), (max-height: 420px) {
      .panel { position: fixed; inset: 0 !important; width: auto; height: 100dvh; border-radius: 0; padding: env(safe-area-inset-top) env(safe-area-inset-right) env(safe-area-inset-bottom) env(safe-area-inset-left); }
      :host([data-open]) .launcher { display: none; }
      textarea { font-size: 16px; }
    }
    @media (prefers-reduced-motion: reduce) {
      * { animation: none !important; transition: none !important; }
    }
    @media (forced-colors: active) {
      .panel, .text, .launcher, .send { border: 1px solid; }
      .dots i, .dot { background: CanvasText; }
      form:has(textarea:focus) { outline: 2px solid Highlight; }
    }
    @keyframes rise { from { opacity: 0; transform: translateY(8px); } }
    @keyframes breathe { 0%, 70%, 100% { opacity: .35; } 35% { opacity: 1; } }
  `;

  // A colour of the firm's own, with letters on it that can be read.
  function coloured(hex) {
    const parts = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(hex || "");
    if (!parts) return "";
    const [red, green, blue] = parts.slice(1).map((part) => {
      const share = parseInt(part, 16) / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    const light = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    const ring = light > 0.3 ? "--seen-accent: var(--ink);" : ""; // on white it would hardly be seen
    return `:host { --accent: ${parts[0]}; --on-accent: ${light > 0.18 ? "#0b1413" : "#fff"}; ${ring} }`;
  }

  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE + coloured(color));
  root.adoptedStyleSheets = [sheet];
  root.append(launcher, panel, announced);
  host.toggleAttribute("data-left", position === "left");
  named(visit && visit.name);
  label();
  cover();

  const appear = () => {
    if (isThere()) return;
    document.body.append(host);
    const { signal } = gone;
    narrow.addEventListener("change", cover, { signal });
    document.addEventListener("visibilitychange", lookNow, { signal });
    addEventListener("storage", reread, { signal });
    addEventListener("pageshow", (event) => event.persisted && reread(), { signal });
    if (kept("open", "sessionStorage")) show(true, { focus: false });
    else if (visit) restore(); // somebody may have answered since
  };
  if (document.body) appear();
  else addEventListener("DOMContentLoaded", appear);
})();
