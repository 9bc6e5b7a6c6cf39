// The plain page of `rowsmith dev`: shows a sheet as it is in the embedded spreadsheet, and a job's progress.
const key = document.querySelector('meta[name="rowsmith-key"]').content;
const $ = (id) => document.getElementById(id);
const ROWS = 200; // shown at once; the sheet itself may be far larger

/** Calls the API; an error carries the sentence that the backend meant for people. */
async function call(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' } });
  } catch {
    throw new Error('Rowsmith does not answer. Is it still running?');
  }
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.detail || body.error?.message || `The answer was ${answer.status}.`);
  return body;
}

const at = { sheet: '', job: null, before: null, shown: [], titles: {}, timer: 0, looked: false, lost: false };

function trouble(err) { $('trouble').textContent = err ? err.message : ''; }

async function listSheets(pick) {
  const { sheets } = await call('/v1/sheets');
  $('sheets').replaceChildren(...sheets.map((s) => new Option(s.title || s.spreadsheet_id, s.spreadsheet_id)));
  const none = sheets.length === 0;
  $('empty').hidden = !none;
  $('work').hidden = none;
  $('sample').classList.toggle('action', none);
  document.querySelectorAll('.sheet').forEach((e) => { e.hidden = none; });
  $('base').textContent = `${location.origin}/sheets/`;
  if (none) return;
  $('sheets').value = pick || sheets[0].spreadsheet_id;
  await open($('sheets').value);
}

async function open(id) {
  clearTimeout(at.timer);
  Object.assign(at, { sheet: id, job: null, before: null, looked: false });
  $('grid').scrollLeft = 0;
  $('job').hidden = true;
  const headings = await showGrid();
  await showWants(headings);
  const { jobs } = await call(`/v1/jobs?limit=1&spreadsheet_id=${encodeURIComponent(id)}`);
  if (at.sheet === id && jobs.length > 0) watch(jobs[0].id);
}

function column(i) { let s = ''; for (i += 1; i > 0; i = Math.floor((i - 1) / 26)) s = String.fromCharCode(65 + ((i - 1) % 26)) + s; return s; }

function count(n, what) { return `${n} ${what}${n === 1 ? '' : 's'}`; }

/** Draws the first rows; cells that changed since the job began are marked. */
async function showGrid() {
  const { values = [] } = await call(`/sheets/v4/spreadsheets/${encodeURIComponent(at.sheet)}/values/A1:ZZ${ROWS}`);
  const width = Math.max(1, ...values.map((r) => r.length));
  const table = document.createElement('table');
  values.forEach((row, r) => {
    const tr = table.insertRow();
    const n = document.createElement('th');
    if (r > 0) n.scope = 'row';
    n.textContent = r + 1;
    tr.append(n);
    for (let c = 0; c < width; c++) {
      const cell = document.createElement(r === 0 ? 'th' : 'td');
      const text = row[c] ?? '';
      if (r === 0) cell.scope = 'col';
      cell.textContent = text;
      cell.title = text;
      if (r > 0 && at.before && text !== '' && text !== (at.before[r]?.[c] ?? '')) cell.className = 'fresh';
      tr.append(cell);
    }
  });
  $('grid').replaceChildren(table);
  const rows = Math.max(0, values.length - 1);
  $('range').textContent = values.length >= ROWS ? `Rows 1 to ${ROWS} are shown. A job covers all of them.`
    : `${count(rows, 'row')} below the headings, ${count(width, 'column')} (A to ${column(width - 1)}).`;
  const first = table.querySelector('.fresh');
  if (first && !at.looked) {
    at.looked = true;
    first.scrollIntoView({ block: 'nearest', inline: 'center' });
  }
  at.shown = values;
  return values[0] ?? [];
}

async function showWants(headings) {
  const { attributes: all } = await call('/v1/attributes');
  at.titles = Object.fromEntries(all.map((a) => [a.name, a.title]));
  const normal = (h) => String(h).toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '_').replace(/^_|_$/g, '');
  const given = all.filter((a) => headings.some((h) => normal(h) === a.name || normal(h) === normal(a.title))).map((a) => a.name);
  const known = { e_mail: 'email', name: 'full_name', company: 'company_name', title: 'job_title' };
  headings.forEach((h) => { if (known[normal(h)]) given.push(known[normal(h)]); });
  const { attributes } = given.length ? await call(`/v1/attributes?given=${given.join(',')}`) : { attributes: [] };
  const usual = new Set(['email_verdict', 'email_normalized', 'phone_e164', 'first_name', 'last_name', 'domain', 'job_seniority']);
  $('inputs').textContent = given.length ? `From the columns for ${[...new Set(given)].map((a) => at.titles[a].toLowerCase()).join(', ')}.` : 'No heading says what a person or company could be looked up by.';
  $('wants').hidden = attributes.length === 0;
  $('wants').replaceChildren($('wants').firstElementChild, ...attributes.filter((a) => !given.includes(a.name)).map((a) => {
    const label = document.createElement('label');
    const box = Object.assign(document.createElement('input'), { type: 'checkbox', value: a.name, checked: usual.has(a.name) });
    label.append(box, ` ${a.title}`);
    return label;
  }));
  $('run').disabled = attributes.length === 0;
}

async function run() {
  trouble();
  const want = [...$('wants').querySelectorAll('input:checked')].map((i) => i.value);
  if (want.length === 0) throw new Error('Choose at least one thing to fill in.');
  const before = at.shown;
  const job = await call('/v1/jobs', { method: 'POST', body: JSON.stringify({ spreadsheet_id: at.sheet, header_row: 1, want }) });
  at.before = before;
  at.looked = false;
  watch(job.id);
}

function watch(id) {
  at.job = id;
  clearTimeout(at.timer);
  follow(id);
}

/** Shows a job until it is finished; an answer that stays out is asked for again. */
async function follow(id) {
  let final = false;
  try {
    final = await showJob(id);
    if (at.lost) trouble();
    at.lost = false;
  } catch (err) {
    trouble(err);
    at.lost = true;
  }
  if (!final && at.job === id) at.timer = setTimeout(() => follow(id), document.hidden || at.lost ? 5000 : 1000);
}

async function showJob(id) {
  const job = await call(`/v1/jobs/${id}`);
  if (at.job !== id) return true;
  const { rows } = job;
  const done = rows.enriched + rows.unmatched + rows.failed + rows.skipped;
  const final = ['done', 'failed', 'cancelled'].includes(job.state);
  $('job').hidden = false;
  $('state').textContent = { queued: 'Waiting to start', running: 'Running', paused: 'Paused', done: 'Done', failed: 'Failed', cancelled: 'Cancelled' }[job.state];
  $('bar').value = final ? 1 : rows.total ? done / rows.total : 0;
  const parts = [[rows.enriched, 'enriched'], [rows.unmatched, 'without a match'], [rows.skipped, 'skipped'], [rows.failed, 'failed']].filter(([n]) => n > 0);
  $('counts').textContent = `${done} of ${count(rows.total, 'row')}${parts.length ? ': ' : ''}${parts.map(([n, what]) => `${n} ${what}`).join(', ')}. ${count(job.cells_written, 'cell')} written.`;
  $('pause').textContent = job.pause ? `${job.pause.detail} ${job.pause.action}` : '';
  $('hold').hidden = final || job.state === 'paused';
  $('resume').hidden = job.state !== 'paused';
  $('cancel').hidden = final;
  $('results').hidden = !final;
  $('run').disabled = !final;
  $('rates').replaceChildren(...Object.entries(job.match_rate).sort().map(([name, rate]) => {
    const tr = document.createElement('tr');
    for (const text of [at.titles[name] ?? name, `${Math.round(rate * 100)} %`]) tr.insertCell().textContent = text;
    return tr;
  }));
  await showGrid();
  return final;
}

async function steer(verb) {
  await call(`/v1/jobs/${at.job}/${verb}`, { method: 'POST' });
  watch(at.job);
}

async function download() {
  const answer = await fetch(`/v1/jobs/${at.job}/results.csv`, { headers: { Authorization: `Bearer ${key}` } });
  if (!answer.ok) throw new Error('The results could not be fetched.');
  const link = Object.assign(document.createElement('a'), { href: URL.createObjectURL(await answer.blob()), download: 'results.csv' });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000); // the download has begun by then
}

const sample = [
  ['Name', 'Company', 'E-mail', 'Phone', 'Title', 'Country'],
  ['Dr. Anna van der Berg', 'Acme GmbH & Co. KG', 'Anna.Berg@ACME-example.com ', '030 1234567', 'Head of Sales', 'Germany'],
  ['SMITH, JOHN', 'Northwind Ltd.', 'john.smith@gmial.com', '+44 20 7946 0958', 'CTO', 'UK'],
  ['marie-claire dupont', 'Boulangerie Dupont SARL', 'contact@dupont-example.fr', '01 23 45 67 89', 'Directrice marketing', 'France'],
  ['Luis García', 'Ejemplo S.L.', '', '+34 612 34 56 78', 'Ingeniero de software', 'Spain'],
  ["O'Brien, Siobhán", 'Liffey Software Ltd', 'siobhan@liffey-example.ie', '', 'VP Engineering', 'Ireland'],
];

async function makeSample() {
  const nth = $('sheets').options.length + 1;
  const made = await call('/sheets/v4/spreadsheets', { method: 'POST', body: JSON.stringify({ properties: { title: nth > 1 ? `Sample leads ${nth}` : 'Sample leads' }, sheets: [{ properties: { title: 'Leads' } }] }) });
  await call(`/sheets/v4/spreadsheets/${made.spreadsheetId}/values/A1?valueInputOption=RAW`, { method: 'PUT', body: JSON.stringify({ values: sample }) });
  await listSheets(made.spreadsheetId);
}

const on = (id, event, what) => $(id).addEventListener(event, () => { trouble(); Promise.resolve(what()).catch(trouble); });
on('sheets', 'change', () => open($('sheets').value));
on('sample', 'click', makeSample);
on('run', 'click', run);
on('hold', 'click', () => steer('pause'));
on('resume', 'click', () => steer('resume'));
on('cancel', 'click', () => steer('cancel'));
on('results', 'click', download);
listSheets().catch(trouble);
