// What the stick says to people, in the languages of those who carry it.
export const LANGUAGES = ['en', 'es', 'pt'] as const
export type Language = (typeof LANGUAGES)[number]

export interface Words {
  title: string
  safe: string
  safeWhy: string
  trouble: string
  when: string
  machine: string
  headOffice: string
  branch: string
  before: string
  after: string
  unchanged: string
  nothing: string
  errors: string
  noErrors: string
  carried: string
  readme: string
}

export const WORDS: Readonly<Record<Language, Words>> = {
  en: {
    title: 'Chasqui stick',
    safe: 'Safe to remove',
    safeWhy: 'Everything was written and checked. Eject the stick, then pull it out.',
    trouble: 'The last visit had errors: see below. You may still remove the stick.',
    when: 'When (UTC)',
    machine: 'Machine',
    headOffice: 'head office',
    branch: 'branch',
    before: 'Before',
    after: 'After',
    unchanged: 'unchanged',
    nothing: '–',
    errors: 'Errors',
    noErrors: 'none',
    carried: 'Read / written',
    readme: `This stick carries software updates from head office to branches, and reports back.

What to do: plug it in at a machine that runs Chasqui, wait until it says "done", eject it, take it
to the next machine. STATUS.html shows what happened at each.

You can pull it out at any time: nothing is lost and nothing half-done is installed; the next visit
goes on where this one stopped. Do not change or delete anything in this folder. There is nothing
in it to open or run, and everything in it is checked before it is used.`
  },
  es: {
    title: 'Memoria Chasqui',
    safe: 'Puede retirarse',
    safeWhy: 'Todo quedó escrito y comprobado. Expulse la memoria y después sáquela.',
    trouble: 'La última visita tuvo errores: véalos abajo. Aun así puede retirar la memoria.',
    when: 'Cuándo (UTC)',
    machine: 'Equipo',
    headOffice: 'central',
    branch: 'sucursal',
    before: 'Antes',
    after: 'Después',
    unchanged: 'sin cambios',
    nothing: '–',
    errors: 'Errores',
    noErrors: 'ninguno',
    carried: 'Leído / escrito',
    readme: `Esta memoria lleva actualizaciones de la central a las sucursales y trae de vuelta sus reportes.

Qué hacer: conéctela a un equipo que tenga Chasqui, espere hasta que diga "listo", expúlsela y
llévela al siguiente equipo. STATUS.html muestra lo que pasó en cada uno.

Puede sacarla en cualquier momento: no se pierde nada ni se instala nada a medias; la próxima visita
sigue donde quedó. No cambie ni borre nada en esta carpeta. No hay nada que abrir ni ejecutar, y
todo se comprueba antes de usarse.`
  },
  pt: {
    title: 'Pendrive Chasqui',
    safe: 'Pode remover',
    safeWhy: 'Tudo foi gravado e conferido. Ejete o pendrive e depois retire-o.',
    trouble: 'A última visita teve erros: veja abaixo. Mesmo assim pode remover o pendrive.',
    when: 'Quando (UTC)',
    machine: 'Computador',
    headOffice: 'matriz',
    branch: 'filial',
    before: 'Antes',
    after: 'Depois',
    unchanged: 'sem mudança',
    nothing: '–',
    errors: 'Erros',
    noErrors: 'nenhum',
    carried: 'Lido / gravado',
    readme: `Este pendrive leva atualizações da matriz às filiais e traz de volta os relatórios.

O que fazer: conecte-o a um computador com Chasqui, espere até aparecer "pronto", ejete e leve ao
próximo computador. STATUS.html mostra o que aconteceu em cada um.

Pode retirar a qualquer momento: nada se perde e nada fica instalado pela metade; a próxima visita
continua de onde parou. Não mude nem apague nada nesta pasta. Não há nada para abrir ou executar, e
tudo é conferido antes de ser usado.`
  }
}

/** Every language, the preferred one first. */
export function languagesFrom(preferred: Language): Language[] {
  return [preferred, ...LANGUAGES.filter((language) => language !== preferred)]
}
