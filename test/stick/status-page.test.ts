// What a person reads on the stick, whatever becomes of a visit.
import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ChasquiError } from '../../src/errors.ts'
import { exportStick, syncStick } from '../../src/stick/round.ts'
import type { StickTools } from '../../src/stick/round-types.ts'
import { LANGUAGES, type Language, WORDS } from '../../src/stick/words.ts'
import type { FileSystem } from '../../src/system/file-system.ts'
import { context, everything, exportAll, importAll, publish, tools } from './scene.ts'
import { openTestHome, type TestHome, temporaryFolder } from './support.ts'

const pageOf = (stick: string) => readFile(join(stick, 'chasqui', 'STATUS.html'), 'utf8')

async function scene(t: TestContext, more: Partial<TestHome> = {}) {
  const publisher = await openTestHome(t, { seed: 1 })
  await publish(publisher, 1)
  const stick = await temporaryFolder(t)
  await exportAll(publisher, stick)
  const key = publisher.feed.db.key
  const branch: TestHome = { ...(await openTestHome(t, { key, node: '0b'.repeat(32) })), ...more }
  return { publisher, branch, stick }
}

const round = (home: TestHome, stick: string) =>
  syncStick(home, everything(stick), tools, context, { settle: 'all', create: false })

/** class and text of the banner */
function bannerOf(page: string): { state: string; big: string } {
  const [, state = '', big = ''] = /<div class="banner (\w+)"><b>\S+ ([^<]+)<\/b>/.exec(page) ?? []
  return { state, big }
}

/** A stick that says only when it is written to that there is no room for segments. */
function fullAtWriting(real: StickTools): StickTools {
  const createFile: FileSystem['createFile'] = async (path, mode) => {
    if (path.includes('.seg')) throw Object.assign(new Error('no room'), { code: 'ENOSPC' })
    return real.fs.createFile(path, mode)
  }
  return { ...real, fs: { ...real.fs, createFile } }
}

for (const language of LANGUAGES) {
  const words = WORDS[language].banner
  const with_ = (more: Partial<TestHome>) => ({ language, ...more }) as Partial<TestHome>

  test(`${language}: says that it works until it is done`, async (t) => {
    let during = ''
    let stick = ''
    const all = await scene(
      t,
      with_({
        async settle() {
          during = await pageOf(stick)
          return []
        }
      })
    )
    stick = all.stick
    await round(all.branch, stick)
    assert.deepEqual(bannerOf(during), { state: 'working', big: words.working.big })
    assert.match(during, /http-equiv="refresh"/)
    const after = await pageOf(stick)
    assert.deepEqual(bannerOf(after), { state: 'done', big: words.done.big })
    assert.doesNotMatch(after, /refresh/)
  })

  test(`${language}: a round that fails is no green page of the visit before`, async (t) => {
    const failing = async () => {
      throw new ChasquiError('DISK_FULL', 'no room for <packs>')
    }
    const { branch, stick } = await scene(t, with_({ afterImport: failing }))
    await assert.rejects(round(branch, stick), { code: 'DISK_FULL' })
    const page = await pageOf(stick)
    assert.deepEqual(bannerOf(page), { state: 'failed', big: words.failed.big })
    assert.match(page, /DISK_FULL: no room for &#60;packs&#62;/)
    assert.ok(page.includes(WORDS[language].advice.DISK_FULL ?? ''))
  })

  test(`${language}: an export that failed before it wrote anything says so on a stick of ours`, async (t) => {
    const { publisher, stick } = await scene(t)
    const home: TestHome = { ...publisher, language }
    await publish(publisher, 2)
    const full = { ...tools, freeSpace: async () => 0 }
    const dry = { ...everything(stick), dryRun: true }
    await assert.rejects(exportStick(home, dry, full, context), { code: 'STICK_FULL' })
    assert.equal(bannerOf(await pageOf(stick)).state, 'done')
    await assert.rejects(exportStick(home, everything(stick), full, context), { code: 'STICK_FULL' })
    const page = await pageOf(stick)
    assert.deepEqual(bannerOf(page), { state: 'failed', big: words.failed.big })
    assert.match(page, /STICK_FULL: [^<]*are needed/)
    for (const one of LANGUAGES) assert.ok(page.includes(WORDS[one].troubles.STICK_FULL ?? ''), one)
    const elsewhere = { ...home, fleet: '11'.repeat(32) }
    const before = await readFile(join(stick, 'chasqui', 'visits.json'), 'utf8')
    await assert.rejects(exportStick(elsewhere, everything(stick), full, context))
    assert.equal(await readFile(join(stick, 'chasqui', 'visits.json'), 'utf8'), before)
  })

  test(`${language}: errors of an apply are not hidden behind "done"`, async (t) => {
    const { branch, stick } = await scene(t, with_({ settle: async () => ['CHECK_FAILED: no answer'] }))
    await round(branch, stick)
    const page = await pageOf(stick)
    assert.deepEqual(bannerOf(page), { state: 'trouble', big: words.trouble.big })
    assert.match(page, /CHECK_FAILED: no answer/)
  })

  for (const says of ['how much is free', 'nothing of that']) {
    test(`${language}: head office is told what did not fit on a stick that says ${says}; a branch is not`, async (t) => {
      const { publisher, branch, stick } = await scene(t, with_({}))
      await importAll(branch, stick)
      await publish(publisher, 2, 3_000_000)
      const full =
        says === 'nothing of that' ? fullAtWriting(tools) : { ...tools, freeSpace: async () => 2_000_000 }
      const asFits = { ...everything(stick), asFits: true }
      const meet = (home: TestHome) =>
        syncStick(home, asFits, full, context, { settle: 'all', create: false })
      const { troubles, complete } = await meet({ ...publisher, language })
      assert.match(troubles.join(), /^STICK_FULL: .*: releases did not go on this stick$/)
      assert.equal(complete, false)
      const page = await pageOf(stick)
      assert.deepEqual(bannerOf(page), { state: 'trouble', big: words.trouble.big })
      assert.match(page, /releases did not go on this stick/)
      for (const part of ['advice', 'troubles'] as const) {
        assert.ok(page.includes(WORDS[language][part].STICK_FULL ?? ''), part)
      }
      const other = await temporaryFolder(t)
      await exportAll(publisher, other)
      await importAll(branch, other)
      assert.deepEqual((await meet(branch)).troubles, [])
      assert.deepEqual(bannerOf(await pageOf(stick)), { state: 'done', big: words.done.big })
    })
  }

  test(`${language}: of several sticks each says for whom it is and which of them`, async (t) => {
    const { publisher, stick } = await scene(t)
    const filter = { modules: [], channel: null, branches: ['Norte <1>', 'Sur'], latest: false }
    const { madeFor, part } = WORDS[language]
    const home = { ...publisher, language }
    await exportStick(home, { ...everything(stick), filter }, tools, context)
    assert.ok((await pageOf(stick)).includes(`<p>${madeFor}: <b>Norte &#60;1&#62;, Sur</b></p>`))
    const other = await temporaryFolder(t)
    await publish(publisher, 2, 400_000)
    await exportStick(home, { ...everything(other), maxSize: 600_000, part: 2 }, tools, context)
    const page = await pageOf(other)
    assert.ok(page.includes(`<p>${part}: <b>2 / 2</b></p>`), page)
    assert.ok(!page.includes(madeFor))
  })

  test(`${language}: what waits is named with the reason`, async (t) => {
    const update = {
      app: 'till',
      module: 'pos',
      version: '1.2.0',
      code: 'PLAN_WINDOW',
      reason: '02:00-06:00'
    }
    const { branch, stick } = await scene(t, with_({ waiting: async () => [update] }))
    await round(branch, stick)
    const page = await pageOf(stick)
    assert.equal(bannerOf(page).state, 'done')
    assert.ok(page.includes(`<b>till: pos 1.2.0</b> ${WORDS[language].waits.PLAN_WINDOW}`))
    assert.match(page, /02:00-06:00/)
  })
}

test('what changed is spelled out, what did not is folded away', async (t) => {
  const at = (version: string) => (module: string) => ({ app: 'till', module, version })
  const names = ['pos_<b>', 'stock', 'loyalty', 'reports']
  let installed = [at('1.0.0')('core'), ...names.map(at('2.0.0'))]
  const { branch, stick } = await scene(t, {
    async installed() {
      return installed
    },
    async settle() {
      installed = [at('1.1.0')('core'), ...names.map(at('2.0.0'))]
      return []
    }
  })
  await round(branch, stick)
  const page = await pageOf(stick)
  assert.match(page, /<b>till: core 1\.0\.0 → 1\.1\.0<\/b><br><details class="quiet"><summary>4 unchanged/)
  assert.match(page, /till: pos_&#60;b&#62; 2\.0\.0<br>till: stock 2\.0\.0/)
})

test('the publisher writes in its own language', async (t) => {
  const publisher: TestHome = { ...(await openTestHome(t, { seed: 1 })), language: 'pt' as Language }
  await publish(publisher, 1)
  const stick = await temporaryFolder(t)
  await exportAll(publisher, stick)
  assert.equal(bannerOf(await pageOf(stick)).big, WORDS.pt.banner.done.big)
})

test('a visit that was cut off stays in the table, and says so at the next machine', async (t) => {
  const { publisher, branch, stick } = await scene(t)
  const kept: { page: string; visits: string } = { page: '', visits: '' }
  const visits = join(stick, 'chasqui', 'visits.json')
  const cut: TestHome = {
    ...branch,
    async settle() {
      kept.visits = await readFile(visits, 'utf8')
      return []
    }
  }
  await round(cut, stick)
  await writeFile(visits, kept.visits) // as it is when the stick is pulled while the branch applies
  await importAll(publisher, stick)
  const page = await pageOf(stick)
  assert.equal(bannerOf(page).state, 'done')
  assert.ok(page.includes(WORDS.en.outcome.cut))
})

test('a dry run, a stick that has no room and a drive that is none leave no page', async (t) => {
  const publisher = await openTestHome(t, { seed: 1 })
  await publish(publisher, 1)
  const stick = await temporaryFolder(t)
  await exportStick(publisher, { ...everything(stick), dryRun: true }, tools, context)
  const full = { ...tools, freeSpace: async () => 10 }
  await assert.rejects(exportAll(publisher, stick, full), { code: 'STICK_FULL' })
  await assert.rejects(readFile(join(stick, 'chasqui', 'STATUS.html')), { code: 'ENOENT' })
  await mkdir(join(stick, 'chasqui', 'fotos'), { recursive: true })
  await assert.rejects(round(publisher, stick))
  await assert.rejects(readFile(join(stick, 'chasqui', 'STATUS.html')), { code: 'ENOENT' })
})
