/**
 * Whole days on which the NYSE stayed shut outside its recurring holidays. A coming closure is one more entry at
 * the end: its date moves every later session number by one, so an entry is added before its day, never after a
 * night has numbered past it, or the windows from that day on are rebuilt.
 */
export interface Closure {
  dates: string[];
  reason: string;
  source: string;
}

/** The exchange's own list, 1885–2011 (nyse.com/pdfs/closings.pdf), in pandas_market_calendars' transcription. */
const NYSE_LIST = 'NYSE, Special Closings 1885–2011, by way of pandas_market_calendars (holidays/nyse.py)';
/** Also in the answers file of exchange_calendars, to which every session from 1990 on is tested. */
const ANSWERS = 'NYSE, Special Closings 1885–2011; exchange_calendars tests/resources/xnys.csv';

export const CLOSURES: Closure[] = [
  { dates: ['1961-05-29'], reason: 'Day before Decoration Day', source: NYSE_LIST },
  { dates: ['1963-11-25'], reason: 'Funeral of President John F. Kennedy', source: NYSE_LIST },
  { dates: ['1968-02-12'], reason: "Lincoln's Birthday (floor closed, offices open)", source: NYSE_LIST },
  { dates: ['1968-04-09'], reason: 'Day of Mourning for Martin Luther King Jr.', source: NYSE_LIST },
  // The four-day weeks of 12 June to 31 December 1968: every Wednesday, but in weeks with a holiday the holiday.
  {
    dates: [
      ...['1968-06-12', '1968-06-19', '1968-06-26', '1968-07-10', '1968-07-17', '1968-07-24', '1968-07-31'],
      ...['1968-08-07', '1968-08-14', '1968-08-21', '1968-08-28', '1968-09-11', '1968-09-18', '1968-09-25'],
      ...['1968-10-02', '1968-10-09', '1968-10-16', '1968-10-23', '1968-10-30', '1968-11-20', '1968-12-04'],
      ...['1968-12-11', '1968-12-18'],
    ],
    reason: 'Paperwork crisis (four-day week)',
    source: NYSE_LIST,
  },
  { dates: ['1968-07-05'], reason: 'Day after Independence Day', source: NYSE_LIST },
  { dates: ['1968-11-11'], reason: 'Veterans Day', source: NYSE_LIST },
  { dates: ['1969-02-10'], reason: 'Heavy snow', source: NYSE_LIST },
  { dates: ['1969-03-31'], reason: 'Funeral of President Dwight D. Eisenhower', source: NYSE_LIST },
  { dates: ['1969-07-21'], reason: 'First lunar landing (National Day of Participation)', source: NYSE_LIST },
  { dates: ['1972-12-28'], reason: 'Funeral of President Harry S. Truman', source: NYSE_LIST },
  { dates: ['1973-01-25'], reason: 'Funeral of President Lyndon B. Johnson', source: NYSE_LIST },
  { dates: ['1977-07-14'], reason: 'New York City blackout', source: NYSE_LIST },
  { dates: ['1985-09-27'], reason: 'Hurricane Gloria', source: NYSE_LIST },
  { dates: ['1994-04-27'], reason: 'Funeral of President Richard M. Nixon', source: ANSWERS },
  {
    dates: ['2001-09-11', '2001-09-12', '2001-09-13', '2001-09-14'],
    reason: 'Attacks of September 11',
    source: ANSWERS,
  },
  { dates: ['2004-06-11'], reason: 'National Day of Mourning for President Ronald Reagan', source: ANSWERS },
  { dates: ['2007-01-02'], reason: 'National Day of Mourning for President Gerald R. Ford', source: ANSWERS },
  {
    dates: ['2012-10-29', '2012-10-30'],
    reason: 'Hurricane Sandy',
    source: 'exchange_calendars tests/resources/xnys.csv',
  },
  {
    dates: ['2018-12-05'],
    reason: 'National Day of Mourning for President George H. W. Bush',
    source: 'exchange_calendars tests/resources/xnys.csv',
  },
  {
    dates: ['2025-01-09'],
    reason: 'National Day of Mourning for President Jimmy Carter',
    source: 'NYSE Group announcement of 2024-12-30',
  },
];
