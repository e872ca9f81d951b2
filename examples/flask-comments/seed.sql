-- The passwords are md5 of: correct-horse (admin), wonderland (alice), builder (bob), potato (siobhan).
INSERT INTO users (name, display_name, password, email, notes, is_admin) VALUES
    ('admin', 'The Admin', '2eb62d171ba8491db496081a8b24738a', 'admin@comments.example', 'Safe code: 4711-0815', 1),
    ('alice', 'Alice Liddell', '4cecaff2b30bbe75ce7322109164cfb5', 'alice@comments.example', 'Meeting the rabbit on Tuesday', 0),
    ('bob', 'Bob Builder', 'c87a8ca60f0891b79d192fa86f019916', 'bob@comments.example', 'Owes Alice ten pounds', 0),
    ('siobhan', 'Siobhán O''Brien', '8ee2027983915ec78acc45027d874316', 'siobhan@comments.example', 'Allergic to nuts', 0);

INSERT INTO comments (user_id, body) VALUES
    (1, 'Welcome! Be kind to each other.'),
    (2, 'Curiouser and curiouser. Does anybody know a good book about SQL? "SELECT ... UNION" puzzles me.'),
    (4, 'Dia duit from the O''Briens. <b>Bold</b> works here, nice!');
