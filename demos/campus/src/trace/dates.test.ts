import { describe, expect, it } from 'vitest'
import { dateOrderOf, parseTraceDate } from './dates.js'

const at = (year: number, month: number, day: number, hour = 0, minute = 0, second = 0, ms = 0): number =>
  Date.UTC(year, month - 1, day, hour, minute, second, ms)

describe('parseTraceDate', () => {
  it.each([
    ['2015-02-04 17:51:00', at(2015, 2, 4, 17, 51)],
    ['2015-02-04T17:51:59.250', at(2015, 2, 4, 17, 51, 59, 250)],
    ['2015-02-04T17:51:59Z', at(2015, 2, 4, 17, 51, 59)],
    ['2015-02-04T17:51:00+01:30', at(2015, 2, 4, 16, 21)],
    ['2015-02-04T17:51:00-0500', at(2015, 2, 4, 22, 51)],
    ['2015/2/4 7:51', at(2015, 2, 4, 7, 51)],
    ['2015-02-04', at(2015, 2, 4)],
    ['8/28/2007 0:00', at(2007, 8, 28)],
    ['8/28/07 12:05 AM', at(2007, 8, 28, 0, 5)],
    ['8/28/2007 12:05:30 pm', at(2007, 8, 28, 12, 5, 30)],
    ['8/28/98 1:05 p.m.', at(1998, 8, 28, 13, 5)],
    ['28.08.2007 00:01', at(2007, 8, 28, 0, 1)],
    ['28-08-2007 00:01', at(2007, 8, 28, 0, 1)],
    ['28-Aug-2007 1:05:00 PM EDT', at(2007, 8, 28, 13, 5)],
    ['28 August 2007 13:05', at(2007, 8, 28, 13, 5)],
    ['2/29/2008 24:00', at(2008, 3, 1)]
  ])('reads %s', (text, ms) => {
    expect(parseTraceDate(text, 'month-first')).toBe(ms)
  })

  it('reads slashes in either order', () => {
    expect(parseTraceDate('3/11/2017 0:00', 'month-first')).toBe(at(2017, 3, 11))
    expect(parseTraceDate('3/11/2017 0:00', 'day-first')).toBe(at(2017, 11, 3))
  })

  it.each([
    '',
    '1',
    '73.86',
    '2007',
    '13/28/2007',
    '2/30/2007 0:00',
    '2/29/2007',
    '8/28/2007 25:00',
    '8/28/2007 1:60',
    '8/28/2007 13:05 PM',
    '28-Foo-2007',
    'NaN',
    '8/28-2007',
    '12:30'
  ])('takes %j for no date', text => {
    expect(parseTraceDate(text, 'month-first')).toBeUndefined()
  })
})

describe('dateOrderOf', () => {
  it.each<[string, string[], string]>([
    ['a day above 12 in front', ['1/3/2017', '2/3/2017', '13/3/2017'], 'day-first'],
    ['a day above 12 behind', ['3/1/2017', '3/13/2017'], 'month-first'],
    ['the number that rises', ['3/4/2017 23:59', '4/4/2017 0:00'], 'day-first'],
    ['the number that rises, behind', ['3/4/2017 23:59', '3/5/2017 0:00'], 'month-first'],
    ['nothing', ['3/4/2017', '3/4/2017'], 'month-first'],
    ['no slashed date', ['2017-04-03'], 'month-first']
  ])('goes by %s', (_, sample, order) => {
    expect(dateOrderOf(sample)).toBe(order)
  })
})
