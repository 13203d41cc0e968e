import { describeSeries } from './series.ts'

describeSeries('19')
