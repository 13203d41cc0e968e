import { describeSeries } from './series.ts'

describeSeries('14')
