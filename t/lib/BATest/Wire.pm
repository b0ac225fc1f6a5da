# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
package BATest::Wire;

# What lies between httpd and its database server: it forwards, stops forwarding, cuts, and answers statements in place of
# the server with an error. It knows as much of MySQL's protocol as that takes.
#
# What it does is read from a file all the time, as words:
#   pass                 forwards everything
#   hold                 forwards nothing, and closes nothing
#   cut=N                closes all connections, once for each new N
#   refuse               closes what connects
#   fail=KEY:ERROR:N     the next N statements of that key fail
#   noise=P:ERROR,…      of all statements every P-th, by chance, fails with one of these
#   note                 writes down each statement: KEY and text
#
# A key is Q, P or E, for a query, the preparing and the executing of a statement, and a sum of its text. An error is the
# server's number; 1213, a deadlock, rolls the transaction back, as the server would; "cut" closes the connection before the
# server has heard of the statement, "after" when it is done and the client does not know.

use strict;
use warnings;
use parent qw(BATest::Daemon);
use Digest::MD5 qw(md5_hex);
use File::Path qw(make_path);
use IO::Select ();
use IO::Socket::INET ();
use POSIX ();
use Time::HiRes qw(sleep time);

use constant { ROLLBACK => "\x09\x00\x00\x00\x03ROLLBACK" };

my %STATE = (1040 => '08004', 1062 => '23000', 1213 => '40001', 1142 => '42000', 1290 => 'HY000');

# dir: to be made; port: a free one; to: the server's
sub new {
    my ($class, %o) = @_;
    make_path($o{dir});
    my $self = bless { pid => undef, owner => $$, serial => 0, %o }, $class;
    $self->does('pass');
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $o{port}, Listen => 500, ReuseAddr => 1) or die "listen: $!";
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        $SIG{$_} = 'DEFAULT' for qw(TERM INT);
        $SIG{PIPE} = 'IGNORE';
        setpgrp;
        eval { $self->_forward($listen); 1 } or print STDERR "wire: $@";
        POSIX::_exit(1);
    }
    $self->{pid} = $pid;
    return $self;
}

sub does {
    my ($self, $what) = @_;
    open my $out, '>', "$self->{dir}/does.new" or die "$self->{dir}: $!";
    print {$out} $what;
    close $out;
    rename "$self->{dir}/does.new", "$self->{dir}/does" or die;
    sleep 0.03 if $self->{pid};    # until it has been read
    return $self;
}

sub cut { my ($self, $then) = @_; return $self->does(join ' ', 'cut=' . ++$self->{serial}, $then // 'pass') }

# What it did, as [time, what, KEY, text], and the statements it has written down, as [KEY, text].
sub fired { return map { [split / /, $_, 4] } $_[0]->_lines('fired') }
sub statements { return map { [split / /, $_, 2] } $_[0]->_lines('statements') }
sub forget { my ($self) = @_; unlink map { "$self->{dir}/$_" } qw(fired statements); return $self }

sub _lines {
    my ($self, $name) = @_;
    open my $in, '<:raw', "$self->{dir}/$name" or return;
    return map { chomp; $_ } <$in>;
}

# --- The process ------------------------------------------------------------------------------------------------------

sub _note {
    my ($self, $name, $text) = @_;
    open my $out, '>>:raw', "$self->{dir}/$name" or die;
    syswrite $out, "$text\n";
}

sub _read_does {
    my ($self) = @_;
    open my $in, '<', "$self->{dir}/does" or return;
    my $text = <$in> // '';
    return if $text eq ($self->{text} // '');
    $self->{text} = $text;
    my %does = map { my ($k, $v) = split /=/, $_, 2; ($k => $v // 1) } split ' ', $text;
    $self->{does} = \%does;
    $self->{fail} = undef;
    if ($does{fail}) { @{ $self->{fail} }{qw(key error times)} = split /:/, $does{fail} }
    if ($does{cut} && $does{cut} ne ($self->{cut} // '')) {
        $self->{cut} = $does{cut};
        my %all = map { $_ => $_ } values %{ $self->{conn} };
        $self->_close($_) for values %all;
    }
}

sub _forward {
    my ($self, $listen) = @_;
    my $select = $self->{select} = IO::Select->new($listen);
    $self->{conn} = {};    # by either socket
    while (1) {
        $self->_read_does;
        if ($self->{does}{hold}) { sleep 0.01; next }
        for my $socket ($select->can_read(0.01)) {
            if ($socket == $listen) { $self->_accept($listen); next }
            my $conn = $self->{conn}{$socket} or next;
            my $from = $socket == $conn->{client} ? 'client' : 'server';
            if (!sysread $socket, my $data, 65536) { $self->_close($conn) }
            elsif ($from eq 'server') { $self->_from_server($conn, $data) }
            else { $conn->{said} .= $data; $self->_from_client($conn) }
        }
    }
}

sub _accept {
    my ($self, $listen) = @_;
    my $client = $listen->accept or return;
    return close $client if $self->{does}{refuse};
    my $server = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{to}) or return close $client;
    my $conn = { client => $client, server => $server, said => '', heard => '', text => {} };
    $self->{conn}{$_} = $conn, $self->{select}->add($_) for $client, $server;
}

sub _close {
    my ($self, $conn) = @_;
    $conn->{closed} = 1;
    for my $socket (@$conn{qw(client server)}) {
        $self->{select}->remove($socket);
        delete $self->{conn}{$socket};
        close $socket;
    }
}

# All packets that are whole. What a client says of its own accord has the number 0; other numbers belong to its sign-in.
sub _from_client {
    my ($self, $conn) = @_;
    while (!$conn->{closed} && length $conn->{said} >= 4) {
        my ($length, $number) = (unpack('V', substr($conn->{said}, 0, 3) . "\0"), ord substr $conn->{said}, 3, 1);
        last if length $conn->{said} < 4 + $length;
        my $packet = substr $conn->{said}, 0, 4 + $length, '';
        my ($key, $text) = $number == 0 ? _key($conn, substr $packet, 4) : ();
        $self->_note('statements', "$key $text") if $key && $self->{does}{note};
        my $error = $key && $self->_wants($key);
        $self->_note('fired', sprintf '%.3f %s %s %s', time, $error, $key, $text) if $error;
        $conn->{prepares} = $text if $key && $key =~ /^P/;
        if (!$error) { syswrite $conn->{server}, $packet }
        elsif ($error eq 'cut') { $self->_close($conn) }
        elsif ($error eq 'after') { $conn->{after} = 1; syswrite $conn->{server}, $packet }
        elsif ($error == 1213) { $conn->{instead} = _error($error); syswrite $conn->{server}, ROLLBACK }
        else { syswrite $conn->{client}, _error($error) }
    }
}

# Key and text of a statement; nothing for what is none.
sub _key {
    my ($conn, $said) = @_;
    my $command = ord $said;
    my ($letter, $text) = $command == 0x03 ? (Q => substr $said, 1) : $command == 0x16 ? (P => substr $said, 1)
        : $command == 0x17 ? (E => $conn->{text}{ unpack 'V', substr $said, 1, 4 } // '?') : return;
    return ($letter . substr(md5_hex($text), 0, 8), $text =~ s/\s+/ /gr);
}

sub _wants {
    my ($self, $key) = @_;
    my $fail = $self->{fail};
    if ($fail && $fail->{times} > 0 && $key eq $fail->{key}) { --$fail->{times}; return $fail->{error} }
    my ($every, $errors) = split /:/, $self->{does}{noise} // return;
    return if rand() * $every >= 1;
    my @errors = split /,/, $errors;
    return $errors[rand @errors];
}

sub _error {
    my ($error) = @_;
    my $text = "\xff" . pack('v', $error) . '#' . ($STATE{$error} // 'HY000') . "this error was made by a test";
    return substr(pack('V', length $text), 0, 3) . "\x01$text";
}

sub _from_server {
    my ($self, $conn, $data) = @_;
    return $self->_close($conn) if $conn->{after};
    if (my $instead = delete $conn->{instead}) { $data = $instead }
    if (defined $conn->{prepares}) {
        $conn->{heard} .= $data;
        if (length $conn->{heard} >= 9) {
            my $text = delete $conn->{prepares};
            $conn->{text}{ unpack 'V', substr $conn->{heard}, 5, 4 } = $text if ord(substr $conn->{heard}, 4, 1) == 0;
            $conn->{heard} = '';
        }
    }
    syswrite $conn->{client}, $data;
}

1;
