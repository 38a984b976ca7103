-- How many bars go to the windows, counted apart from the windows.
SELECT count(*)::DOUBLE AS bars FROM (/*bars*/) b JOIN slots s ON s.date = b.date AND s.from_history = b.from_history
