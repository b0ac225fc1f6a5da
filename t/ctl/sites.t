#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# What betterauthctl learns from httpd: which site is meant where there are several, and which file holds the secret
# that is to be rotated.
use strict;
use warnings;
use BATest -own;
use BATest::Ctl qw(says slurp write_file);
use File::Path qw(make_path);

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my $dir = BATest::state()->{workdir} . '/ctl-sites';
make_path($dir);
my $OLD = SECRET =~ s/./o/r;

# One database a site, each with a user who says which it is.
mariadb()->create('ctl_sites', schema('mysql'));
my %dbd = (one => "DBDriver sqlite3\nDBDParams $dir/one.db", two => "DBDriver sqlite3\nDBDParams $dir/two.db",
    three => "DBDriver mysql\nDBDParams \"" . mariadb()->dbd_params('ctl_sites') . '"');
write_file("$dir/three", 'mysql:' . mariadb()->dbd_params('ctl_sites') . "\n");
for my $name (sort keys %dbd) {
    my @on = ('--database', $name eq 'three' ? "file:$dir/three" : "sqlite3:$dir/$name.db");
    BATest::Ctl::run(undef, @on, 'init') if $name ne 'three';
    is(BATest::Ctl::run(undef, @on, qw(user add --no-password), "$name\@example.com")->{status}, 0, "somebody in $name");
}

my $serial = 0;
sub asking { return BATest::Ctl::of_conf("$dir/httpd-" . ++$serial, join "\n", 'TraceEnable off', @_, '') }
sub vhost {
    my ($port, @lines) = @_;
    return "Listen 127.0.0.1:$port", "<VirtualHost 127.0.0.1:$port>", @lines, '<Location "/api/auth">', 'SetHandler betterauth', '</Location>', '</VirtualHost>';
}
sub has { my ($name, $who, @args) = @_; is_deeply([map { $_->{email} } @{ BATest::Ctl::run(undef, @args, qw(--json user list))->{json} || [] }], ["$who\@example.com"], $name) }

subtest 'one of several sites' => sub {
    my $secret = "BetterAuthSecret $OLD";
    my @of = asking(vhost(81, 'ServerName one.test', $dbd{one}, $secret), vhost(82, 'ServerName two.test', $dbd{two}, $secret, 'BetterAuthBaseURL https://two.example', 'BetterAuthPasswordLength 20 128'),
        vhost(83, 'ServerName three.test', $dbd{three}, $secret), vhost(84, 'ServerName three.test', $dbd{three}, $secret, 'BetterAuthBaseURL https://three.example'));
    my @twins = asking(vhost(85, 'ServerName twin.test', $dbd{one}, $secret), vhost(86, 'ServerName twin.test', $dbd{two}, $secret));
    my $asks = sub {
        my ($name, $urls, @args) = @_;
        my $did = says($name, undef, [@args, qw(user list)], 1, qr/these sites have different databases, so choose one with --site: /);
        is_deeply([sort map { s/.*three.*/three/r } $did->{err} =~ m{https?://\S+}g], [sort @$urls], "$name: between what");
        unlike("$did->{out}$did->{err}", qr/ba-test|\.db\b|one\@/, "$name: without a database, a password, or a user of one");
    };
    $asks->('which?', ['http://one.test:81', 'https://two.example', 'three'], @of);
    has('by its name', 'one', @of, qw(--site one.test));
    has('the name of another', 'two', @of, qw(--site two.test));
    has('in capitals', 'one', @of, qw(--site ONE.test));
    has('by its base URL', 'two', @of, qw(--site https://two.example));
    has('which httpd makes, where it is not written', 'one', @of, qw(--site http://one.test:81));
    has('two servers of one database are one site', 'three', @of, qw(--site three.test));
    $asks->('two of different ones are not', ['http://twin.test:85', 'http://twin.test:86'], @twins, qw(--site twin.test));
    has('their URLs tell them apart', 'two', @twins, qw(--site http://twin.test:86));
    says('none of that name', undef, [@of, qw(--site four.test user list)], 1, qr/no site of that name: see --site/);
    says('half a name', undef, [@of, qw(--site one user list)], 1, qr/no site of that name/);

    # the settings are those of the site
    says('a password that is too short for it', "of 16 characters\n", [@of, qw(--site two.test user add new@example.com)], 1, qr/a password has 20 to 128 characters/);
    says('and long enough for its neighbour', "of 16 characters\n", [@of, qw(--site one.test user add new@example.com)], 0);
    has('who got nobody', 'two', @of, qw(--site two.test));
    says('away with them', undef, [@of, qw(--site one.test user delete --yes new@example.com)], 0);

    has('what is alone needs no name', 'three', asking(vhost(81, 'ServerName a.test', $dbd{three}, $secret), vhost(82, 'ServerName b.test', $dbd{three}, $secret)));
    has('nor what has no neighbour with a secret', 'two', asking(vhost(81, 'ServerName a.test', $dbd{two}, $secret), 'Listen 127.0.0.1:82', '<VirtualHost 127.0.0.1:82>', $dbd{three}, '</VirtualHost>'));
    says('no site at all', undef, [asking(), qw(user list)], 1, qr/no server of this configuration has BetterAuthSecret and a database/);
    my @without = asking();
    write_file($without[-1], slurp($without[-1]) =~ s/^LoadModule betterauth.*\n//mr);
    says('no module', undef, [@without, qw(user list)], 1, qr/httpd does not load mod_betterauth/);

    # check finds no fault with a configuration that httpd takes, but says why it does not go on
    for (['which site', qr/choose one with --site/, @of], ['none of that name', qr/no site of that name/, @of, qw(--site four.test)],
        ['no site', qr/no server of this configuration has BetterAuthSecret/, asking()], ['no module', qr/does not load mod_betterauth/, @without]) {
        my ($name, $why, @args) = @$_;
        my $check = BATest::Ctl::run(undef, @args, qw(--json check));
        is($check->{status}, 1, "check, $name: exit status");
        is(join(' ', map { "$_->{what}:$_->{state}" } @{ $check->{json} }), 'configuration:bad', "check, $name: rows") or diag $check->{out};
        like($check->{json}[0]{text}, $why, "check, $name: the reason");
    }
};

subtest 'the file of the secret' => sub {
    my %text = map { $_ => SECRET =~ s/./$_/r } 'a' .. 'e';
    my $fresh = sub {
        for (sort keys %text) { write_file("$dir/secret $_", "$text{$_}\n"); chmod 0600, "$dir/secret $_" }
    };
    local @ENV{qw(BA_NEW BA_DIR)} = ($OLD, $dir);
    my ($a, $b) = map { qq("file:$dir/secret $_") } 'a', 'b';
    my $on = sub { my ($secrets, @before) = @_; return asking(@before, vhost(81, 'ServerName one.test', $dbd{one}, "BetterAuthSecret $secrets")) };

    # a new secret stands before the old one in the file of that letter, and no other file is written
    my $rotates = sub {
        my ($name, $letter, @of) = @_;
        $fresh->();
        says($name, undef, [@of, qw(secret rotate --yes)], 0, qr/counts from the next graceful restart/);
        for (sort keys %text) {
            my $is = slurp("$dir/secret $_");
            if ($_ ne $letter) { is($is, "$text{$_}\n", "$name: not $_"); next }
            like($is, qr/\A[A-Za-z0-9]{48}\n\Q$text{$_}\E\n\z/, "$name: $_");
            is((stat "$dir/secret $_")[2] & 07777, 0600, "$name: still its owner's alone");
        }
    };
    my $refuses = sub {
        my ($name, @of) = @_;
        $fresh->();
        my $said = says($name, undef, [@of, qw(secret rotate --yes)], 1, qr/the first secret of BetterAuthSecret is in no file/);
        is(slurp("$dir/secret $_"), "$text{$_}\n", "$name: not $_") for sort keys %text;
        says("$name: nor are old ones dropped", undef, [@of, qw(secret rotate --drop-old --yes)], 1, qr/is in no file/);
    };

    my @of = $on->($a);
    $rotates->('one file', 'a', @of);
    has('which httpd takes', 'one', @of);
    says('--drop-old', undef, [@of, qw(secret rotate --drop-old --yes)], 0);
    like(slurp("$dir/secret a"), qr/\A[A-Za-z0-9]{48}\n\z/, 'leaves the newest');
    $rotates->('two files', 'a', $on->("$a $b"));
    $rotates->('two files, the other first', 'b', $on->("$b $a"));
    $rotates->('a file, and an old one elsewhere', 'b', $on->("$b env:BA_NEW"));
    $rotates->('below ServerRoot', 'c', $on->('"file:../secret c"'));
    $rotates->('with a variable', 'd', $on->('"file:${BA_DIR}/secret d"'));
    $rotates->('of all servers', 'a', asking("BetterAuthSecret $a", vhost(81, 'ServerName one.test', $dbd{one})));
    $rotates->('a server\'s own', 'b', asking("BetterAuthSecret $a", vhost(81, 'ServerName one.test', $dbd{one}, "BetterAuthSecret $b")));
    $rotates->('written twice', 'b', asking(vhost(81, 'ServerName one.test', $dbd{one}, "BetterAuthSecret $a", "BetterAuthSecret $b")));
    $rotates->('in IfModule', 'a', asking(vhost(81, 'ServerName one.test', $dbd{one}, '<IfModule betterauth_module>', "BetterAuthSecret $a", '</IfModule>')));
    my @two = asking(vhost(81, 'ServerName one.test', $dbd{one}, "BetterAuthSecret $a"), vhost(82, 'ServerName two.test', $dbd{two}, "BetterAuthSecret $b"));
    $rotates->('of a site', 'b', @two, qw(--site two.test));
    $rotates->('of the other', 'a', @two, qw(--site one.test));
    $rotates->('--secret-file counts more', 'e', @of, '--secret-file', "$dir/secret e");
    $rotates->('above all where there is no other', 'e', $on->($OLD), '--secret-file', "$dir/secret e");

    $refuses->('in the configuration', $on->($OLD));
    $refuses->('in the environment', $on->('env:BA_NEW'));
    $refuses->('in the environment, an old one in a file', $on->("env:BA_NEW $a"));
    $refuses->('in the configuration, an old one in a file', $on->("$OLD $a $b"));
    $refuses->('of a command, an old one in a file', $on->(qq("exec:/bin/echo $OLD" $a)));
};

done_testing;
