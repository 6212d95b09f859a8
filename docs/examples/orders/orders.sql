-- Orders, and what people are told of them.
CREATE TABLE orders (
	id		int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	buyer	text NOT NULL,
	items	jsonb NOT NULL,
	state	text NOT NULL DEFAULT 'placed');

SELECT teams_set_template('order_placed', '{
	"type": "AdaptiveCard", "version": "1.5",
	"body": [
		{"type": "TextBlock", "size": "Large", "text": "Order ${id} is placed"},
		{"type": "FactSet", "facts": [
			{"$data": "${items}", "title": "${name}", "value": "${count}"}]}]}');
SELECT teams_set_template('order_shipped', 'Order ${id} is on its way.');
