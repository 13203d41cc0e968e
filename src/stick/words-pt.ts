// Portuguese.
import type { Words } from './words.ts'

export const PT: Words = {
  title: 'Pendrive Chasqui',
  banner: {
    working: {
      big: 'AGUARDE – não remova',
      small: 'O computador ainda trabalha com este pendrive. Esta página muda quando terminar.'
    },
    done: { big: 'PRONTO – pode remover', small: 'Tudo foi gravado. Ejete o pendrive e depois retire-o.' },
    trouble: {
      big: 'PRONTO, COM ERROS – pode remover',
      small: 'Nem tudo deu certo: veja abaixo. Ejete o pendrive, siga em frente e avise a matriz.'
    },
    failed: { big: 'FALHOU – pode remover', small: 'Esta visita não chegou ao fim.' }
  },
  elsewhere:
    'Se você lê isto em outro computador: o pendrive foi retirado antes da hora. Nada se perdeu; conecte-o outra vez em',
  outcome: {
    working: 'trabalhando',
    done: 'pronto',
    trouble: 'pronto, com erros',
    failed: 'falhou',
    cut: 'retirado antes da hora'
  },
  advice: {
    STICK_FULL: 'O pendrive está cheio: libere espaço ou use um maior.',
    STICK_READ_ONLY: 'Não é possível gravar no pendrive: procure uma trava nele.',
    STICK_REMOVED: 'Foi retirado antes da hora: conecte-o outra vez e aguarde.',
    STICK_DAMAGED: 'Há arquivos danificados no pendrive: leve-o à matriz, lá ele é reparado.',
    STICK_TAMPERED: 'Alguém mudou arquivos do pendrive: leve-o à matriz e use outro.',
    STICK_OTHER_FLEET: 'Este pendrive é dos computadores de outra empresa.',
    DISK_FULL: 'O disco deste computador está cheio: avise a matriz.',
    other: 'Conecte-o mais uma vez; se falhar de novo, diga à matriz o que está escrito abaixo.'
  },
  troubles: {
    CANCELLED: 'foi interrompido antes do fim',
    DISK_FULL: 'o disco deste computador está cheio',
    DISK_IO: 'não foi possível ler ou gravar',
    HOME_DAMAGED: 'os dados do Chasqui neste computador estão danificados',
    RECORD_INVALID: 'um relatório não é válido',
    STICK_BRANCH_UNKNOWN: 'não se conhece uma das filiais para as quais é o pendrive',
    STICK_BUSY: 'outro programa deste computador trabalha com o pendrive',
    STICK_DAMAGED: 'há dados danificados no pendrive',
    STICK_FORK: 'o pendrive e este computador têm histórias diferentes: avise a matriz',
    STICK_FULL: 'o pendrive está cheio: não coube tudo o que devia levar',
    STICK_INCOMPLETE: 'falta uma parte no pendrive: a matriz deve gravá-lo de novo',
    STICK_LINK: 'há um atalho no lugar de um arquivo ou de uma pasta',
    STICK_NOT_OURS: 'a pasta "chasqui" do pendrive não foi escrita pelo Chasqui',
    STICK_ORDER: 'uma ordem de aplicar agora não foi cumprida',
    STICK_OTHER_FLEET: 'o pendrive é de outra empresa',
    STICK_READ_ONLY: 'não é possível gravar no pendrive',
    STICK_REMOVED: 'o pendrive foi retirado ou trocado antes da hora',
    STICK_TAMPERED: 'alguém mudou dados do pendrive'
  },
  waits: {
    READY: 'está pronta: este computador a aplica assim que o Chasqui estiver em execução',
    PLAN_WINDOW: 'aguarda o seu horário',
    PLAN_MANUAL: 'aguarda alguém da filial aplicar',
    PLAN_HELD: 'alguém da filial segurou',
    PLAN_ROLLOUT: 'ainda não é a vez desta filial',
    PLAN_HALTED: 'foi parada: falhou em outras filiais',
    PLAN_QUARANTINED: 'já falhou aqui e não é tentada de novo',
    PLAN_YANKED: 'foi retirada pela matriz',
    PLAN_STALE: 'as notícias da matriz são antigas demais',
    PLAN_REQUIRES: 'falta outro módulo',
    PLAN_NOT_HERE: 'não está neste pendrive: vem em outro',
    other: 'aguarda'
  },
  when: 'Quando (UTC)',
  machine: 'Computador',
  headOffice: 'matriz',
  branch: 'filial',
  result: 'Resultado',
  software: 'Programas',
  waiting: 'Em espera',
  updatesWait: 'Atualizações que já estão aqui e aguardam (veja abaixo)',
  unchanged: 'sem mudança',
  nothing: '–',
  errors: 'Erros',
  noErrors: 'nenhum',
  carried: 'Lido / gravado',
  madeFor: 'Para',
  part: 'Pendrive',
  readme: `Este pendrive leva atualizações da matriz às filiais e traz de volta os relatórios.

O que fazer: conecte-o a um computador com Chasqui, espere até STATUS.html dizer "PRONTO", ejete e
leve ao próximo computador. STATUS.html mostra o que aconteceu em cada um.

Pode retirar a qualquer momento: nada se perde e nada fica instalado pela metade; a próxima visita
continua de onde parou. Não mude nem apague nada nesta pasta. Tudo é conferido antes de ser usado.
Não há nada para abrir ou executar; só quem instala um local novo segue a folha de convite da matriz,
antes de executar qualquer coisa da pasta "installer".`
}
