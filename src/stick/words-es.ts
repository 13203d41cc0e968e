// Spanish.
import type { Words } from './words.ts'

export const ES: Words = {
  title: 'Memoria Chasqui',
  banner: {
    working: {
      big: 'ESPERE – no la retire',
      small: 'El equipo todavía trabaja con esta memoria. Esta página cambia cuando termina.'
    },
    done: {
      big: 'LISTO – puede retirarla',
      small: 'Todo quedó escrito. Expulse la memoria y después sáquela.'
    },
    trouble: {
      big: 'LISTO, CON ERRORES – puede retirarla',
      small: 'No todo salió bien: véalo abajo. Expulse la memoria, siga su camino y avise a la central.'
    },
    failed: { big: 'FALLÓ – puede retirarla', small: 'Esta visita no llegó a su fin.' }
  },
  elsewhere:
    'Si lee esto en otro equipo: la memoria se sacó antes de tiempo. No se perdió nada; conéctela otra vez en',
  outcome: {
    working: 'trabajando',
    done: 'listo',
    trouble: 'listo, con errores',
    failed: 'falló',
    cut: 'se sacó antes de tiempo'
  },
  advice: {
    STICK_FULL: 'La memoria está llena: haga espacio o use una más grande.',
    STICK_READ_ONLY: 'No se puede escribir en la memoria: busque un seguro (interruptor) en ella.',
    STICK_REMOVED: 'Se sacó antes de tiempo: conéctela otra vez y espere.',
    STICK_DAMAGED: 'Hay archivos dañados en la memoria: llévela a la central, allí se repara.',
    STICK_TAMPERED: 'Alguien cambió archivos de la memoria: llévela a la central y use otra.',
    STICK_OTHER_FLEET: 'Esta memoria es de los equipos de otra empresa.',
    DISK_FULL: 'El disco de este equipo está lleno: avise a la central.',
    other: 'Conéctela una vez más; si vuelve a fallar, diga a la central lo que está escrito abajo.'
  },
  troubles: {
    CANCELLED: 'se detuvo antes del final',
    DISK_FULL: 'el disco de este equipo está lleno',
    DISK_IO: 'no se pudo leer o escribir',
    HOME_DAMAGED: 'los datos de Chasqui en este equipo están dañados',
    RECORD_INVALID: 'un reporte no es válido',
    STICK_BRANCH_UNKNOWN: 'no se conoce una de las sucursales para las que es la memoria',
    STICK_BUSY: 'otro programa de este equipo trabaja con la memoria',
    STICK_DAMAGED: 'hay datos dañados en la memoria',
    STICK_FORK: 'la memoria y este equipo tienen historias distintas: avise a la central',
    STICK_FULL: 'la memoria está llena: no cupo todo lo que debía llevar',
    STICK_INCOMPLETE: 'a la memoria le falta una parte: la central debe escribirla otra vez',
    STICK_LINK: 'hay un enlace en lugar de un archivo o una carpeta',
    STICK_NOT_OURS: 'la carpeta "chasqui" de la memoria no la escribió Chasqui',
    STICK_ORDER: 'no se cumplió una orden de aplicar ahora',
    STICK_OTHER_FLEET: 'la memoria es de otra empresa',
    STICK_READ_ONLY: 'no se puede escribir en la memoria',
    STICK_REMOVED: 'la memoria se sacó o se cambió antes de tiempo',
    STICK_TAMPERED: 'alguien cambió datos de la memoria'
  },
  waits: {
    READY: 'está lista: este equipo la aplica en cuanto Chasqui esté en marcha',
    PLAN_WINDOW: 'espera su horario',
    PLAN_MANUAL: 'espera a que alguien de la sucursal la aplique',
    PLAN_HELD: 'alguien de la sucursal la retiene',
    PLAN_ROLLOUT: 'todavía no le toca a esta sucursal',
    PLAN_HALTED: 'fue detenida: falló en otras sucursales',
    PLAN_QUARANTINED: 'ya falló aquí y no se intenta otra vez',
    PLAN_YANKED: 'fue retirada por la central',
    PLAN_STALE: 'las noticias de la central son demasiado viejas',
    PLAN_REQUIRES: 'falta otro módulo',
    PLAN_NOT_HERE: 'no está en esta memoria: viene en otra',
    other: 'espera'
  },
  when: 'Cuándo (UTC)',
  machine: 'Equipo',
  headOffice: 'central',
  branch: 'sucursal',
  result: 'Resultado',
  software: 'Programas',
  waiting: 'En espera',
  updatesWait: 'Actualizaciones que ya están aquí y esperan (véalas abajo)',
  unchanged: 'sin cambios',
  nothing: '–',
  errors: 'Errores',
  noErrors: 'ninguno',
  carried: 'Leído / escrito',
  madeFor: 'Para',
  part: 'Memoria',
  readme: `Esta memoria lleva actualizaciones de la central a las sucursales y trae de vuelta sus reportes.

Qué hacer: conéctela a un equipo que tenga Chasqui, espere hasta que STATUS.html diga "LISTO",
expúlsela y llévela al siguiente equipo. STATUS.html muestra lo que pasó en cada uno.

Puede sacarla en cualquier momento: no se pierde nada ni se instala nada a medias; la próxima visita
sigue donde quedó. No cambie ni borre nada en esta carpeta. Todo se comprueba antes de usarse. No hay
nada que abrir ni ejecutar; solo quien instala un sitio nuevo sigue la hoja de invitación de la
central, antes de ejecutar nada de la carpeta "installer".`
}
